import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { withoutTrailingSlash } from '../shared/trailing-slash.ts';
import { CliError } from './cli-error.ts';

const DEFAULT_URL = 'http://127.0.0.1:4000';

/** Where the server is, and who comes. */
export interface ServerAccess {
  /** Origin, with a path in front of `/graphql` where there is one; without a slash at the end. */
  url: string;
  key: string;
}

export interface ImportArguments extends ServerAccess {
  path: string;
  /** Id or slug. */
  collection: string;
  format: 'CSV' | 'JSONL';
  /** Null: the server guesses it. */
  mapping: Record<string, string | string[] | boolean> | null;
  /** Null: what the server does by default. */
  tasks: string[] | null;
  idempotencyKey: string | null;
}

export interface FollowArguments extends ServerAccess {
  jobId: string;
}

const ACCESS_OPTIONS = { url: { type: 'string' }, 'key-file': { type: 'string' } } as const;

const IMPORT_OPTIONS = {
  ...ACCESS_OPTIONS,
  collection: { type: 'string' },
  format: { type: 'string' },
  map: { type: 'string', multiple: true },
  tasks: { type: 'string' },
  'idempotency-key': { type: 'string' },
} as const;

/** What of a mapping names no column. */
const SWITCHES = ['header', 'source', 'documents'];

type Environment = Record<string, string | undefined>;

/** @throws CliError */
export function readImportArguments(args: string[], environment: Environment): ImportArguments {
  const { values, positionals } = parse(() =>
    parseArgs({ args, options: IMPORT_OPTIONS, allowPositionals: true, strict: true }),
  );
  const [path, ...more] = positionals;
  if (path === undefined) throw CliError.usage('name the file to import');
  if (more.length > 0) throw CliError.usage(`one file at a time: ${more[0]} is too much`);
  if (values.collection === undefined) throw CliError.usage('say where to with --collection <slug or id>');
  return {
    path,
    collection: values.collection,
    format: readFormat(values.format, path),
    mapping: readMapping(values.map),
    tasks: values.tasks === undefined ? null : values.tasks.split(',').map((task) => task.trim().toUpperCase()),
    idempotencyKey: values['idempotency-key'] ?? null,
    ...readAccess(values, environment),
  };
}

/** @throws CliError */
export function readFollowArguments(args: string[], environment: Environment): FollowArguments {
  const { values, positionals } = parse(() =>
    parseArgs({ args, options: ACCESS_OPTIONS, allowPositionals: true, strict: true }),
  );
  const [jobId, ...more] = positionals;
  if (jobId === undefined || more.length > 0) throw CliError.usage('name one job to follow');
  return { jobId, ...readAccess(values, environment) };
}

function parse<Parsed>(read: () => Parsed): Parsed {
  try {
    return read();
  } catch (error) {
    throw CliError.usage((error as Error).message);
  }
}

/** A key is never an argument: those are in the shell's history, and every user of the machine sees them. */
function readAccess(values: { url?: string; 'key-file'?: string }, environment: Environment): ServerAccess {
  const url = values.url ?? DEFAULT_URL;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw CliError.usage('--url must be an http(s) url');
  const file = values['key-file'];
  const key = (file === undefined ? environment.SIGNALBOX_API_KEY : readKeyFile(file))?.trim();
  if (key === undefined || key === '') {
    throw CliError.usage('an API key is needed: set SIGNALBOX_API_KEY, or name a file that holds it with --key-file');
  }
  if (/[^\x21-\x7e]/.test(key)) throw CliError.usage('the API key must be one word of plain characters');
  return { url: withoutTrailingSlash(url).replace(/\/graphql$/, ''), key };
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`the key file cannot be read: ${(error as Error).message}`);
  }
}

function readFormat(given: string | undefined, path: string): 'CSV' | 'JSONL' {
  const format = given?.toUpperCase() ?? (/\.(jsonl|ndjson)$/i.test(path) ? 'JSONL' : 'CSV');
  if (format !== 'CSV' && format !== 'JSONL') throw CliError.usage('--format must be csv or jsonl');
  return format;
}

/** `--map title=Subject --map metadata=Plan --map metadata=Region`; metadata may have several columns, all else has one. */
function readMapping(pairs: string[] | undefined): ImportArguments['mapping'] {
  if (pairs === undefined) return null;
  const mapping: Record<string, string | boolean> = {};
  const metadata: string[] = [];
  for (const pair of pairs) {
    const [, field, column] = /^([A-Za-z]+)=(.+)$/s.exec(pair) ?? [];
    if (field === undefined || column === undefined) {
      throw CliError.usage(`--map must look like field=Column, such as title=Subject, and not ${pair}`);
    }
    if (field === 'metadata') metadata.push(column);
    else if (Object.hasOwn(mapping, field)) throw CliError.usage(`--map names ${field} twice`);
    else mapping[field] = SWITCHES.includes(field) ? readSwitch(field, column) : column;
  }
  return metadata.length === 0 ? mapping : { ...mapping, metadata };
}

function readSwitch(field: string, value: string): boolean {
  if (value !== 'true' && value !== 'false') throw CliError.usage(`--map ${field} must be true or false`);
  return value === 'true';
}
