import { execFile } from 'node:child_process';

/** The flag that the scripts in package.json have: undici's decompression is experimental, and says so. */
export const NO_WARNINGS = '--disable-warning=ExperimentalWarning';

/** Runs one of the project's commands; without blocking, since the API that it asks is in this process. */
export function runCommand(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [NO_WARNINGS, script, ...args],
      { env: { PATH: process.env.PATH ?? '', ...env } },
      (_error, stdout, stderr) => resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
