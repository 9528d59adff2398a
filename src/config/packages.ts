/**
 * Loads a package of `packages/`, which an installation may leave out.
 *
 * @param setting the variable that asks for it
 * @param name of its folder
 * @param load imports it
 * @param problems gets a line if it is not installed
 */
export async function loadPackage<T>(
  setting: string,
  name: string,
  load: () => Promise<T>,
  problems: string[],
): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    problems.push(
      `${setting}: got a value that needs the package @datatrics-gateway/${name}, which is not installed; ` +
        'needs an installation by `npm ci --omit=dev`, or an image built with `--target full`',
    );
    return undefined;
  }
}
