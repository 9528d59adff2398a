/** All problems with the settings, one line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    // Names in a file may have line ends.
    const lines = problems.map((problem) => problem.replace(/\s*[\r\n]\s*/g, ' '));
    super(lines.join('\n'));
    this.name = 'ConfigError';
    this.problems = lines;
  }
}
