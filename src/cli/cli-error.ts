/** Something that is said in one line, and ends the command. */
export class CliError extends Error {
  override readonly name = 'CliError';
  /** 2 where the command was not written as it must be, else 1. */
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }

  static usage(message: string): CliError {
    return new CliError(`${message}\nTry: npx signalbox --help`, 2);
  }
}
