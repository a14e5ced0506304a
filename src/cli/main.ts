#!/usr/bin/env -S node --max-semi-space-size=16
import { type FollowArguments, type ImportArguments, readFollowArguments, readImportArguments } from './arguments.ts';
import { CliError } from './cli-error.ts';
import { UnreachableError } from './graph-client.ts';
import { followImport, importFile, type Terminal } from './import-command.ts';
import { createProgressView } from './progress-view.ts';

const HELP = `Signalbox: the AI backend of a product, as one typed GraphQL API.

  npx signalbox start                      starts the server, as npm start does
  npx signalbox import <file> [options]    imports the records of a CSV or JSONL file as documents
  npx signalbox follow <job id> [options]  shows how far an import is, until it is done

Options of import:
  --collection <slug or id>   where the documents go
  --format csv|jsonl          by the file's name unless given
  --map <field>=<column>      which column is which field, such as --map title=Subject --map text=Body;
                              guessed from the header unless given. Fields: title, text, externalId, createdAt,
                              metadata (may be given several times), conversation, author; and header=false where
                              the columns have no names, dateOrder=DMY where days come before months
  --tasks embed,classify      what is done with the documents; embed unless given
  --idempotency-key <key>     the same key again within 24 hours imports nothing a second time

Options of both:
  --url <url>                 of the server; http://127.0.0.1:4000 unless given
  --key-file <path>           file with the API key; unless given, the key is in SIGNALBOX_API_KEY

The exit code is 0 where everything was imported, 1 where something was not, 2 where the command is not right.
`;

const COMMANDS: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  start: async () => {
    await import('../main.ts');
    return 0;
  },
  import: (args) => follow(readImportArguments(args, process.env), importFile),
  follow: (args) => follow(readFollowArguments(args, process.env), followImport),
};

async function follow<Asked extends ImportArguments | FollowArguments>(
  asked: Asked,
  command: (asked: Asked, terminal: Terminal) => Promise<boolean>,
): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const progress = createProgressView(process.stderr);
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  try {
    return (await command(asked, { progress, say, signal: interrupted.signal })) ? 0 : 1;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    return 130;
  } finally {
    progress.end();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function main([name = '--help', ...args]: string[]): Promise<number | null> {
  const isHelp = (word: string | undefined) => word === '--help' || word === '-h' || word === 'help';
  if (isHelp(name) || isHelp(args[0])) {
    process.stdout.write(HELP);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`signalbox: there is no command ${name}\n\n${HELP}`);
    return 2;
  }
  const exitCode = await command(args);
  // The server runs on, and ends by itself.
  return name === 'start' ? null : exitCode;
}

try {
  const exitCode = await main(process.argv.slice(2));
  if (exitCode !== null) process.exitCode = exitCode;
} catch (error) {
  const isTold = error instanceof CliError || error instanceof UnreachableError;
  process.stderr.write(`signalbox: ${isTold ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = error instanceof CliError ? error.exitCode : 1;
}
