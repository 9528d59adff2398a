import { type Command, CommanderError } from 'commander';
import { UsageError } from './problem.ts';

/**
 * Parses the arguments of a command that has `exitOverride()`.
 *
 * @returns false for `--help`, whose text is printed
 * @throws UsageError for wrong arguments
 */
export function parseArguments(command: Command, argv: readonly string[]): boolean {
  let problem = '';
  command.configureOutput({
    writeErr: (text) => {
      problem += text;
    },
  });
  try {
    command.parse([...argv], { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return false;
    throw new UsageError((problem || error.message).replace(/^error: /, '').trim());
  }
}
