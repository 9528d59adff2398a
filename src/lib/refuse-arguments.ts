/** For a program without options: `--help` prints the help and ends the process. Any other argument exits with 2. */
export function refuseArguments(help: string): void {
  const [first] = process.argv.slice(2);
  if (first === undefined) return;
  if (first === '--help') {
    process.stdout.write(help);
    process.exit(0);
  }
  process.stderr.write(`${first}: unknown argument\n\n${help}`);
  process.exit(2);
}
