import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { encodeError } from './wire.ts';

const CHECK_TIMEOUT_MS = 5_000;

/** What Node puts before the stack of a syntax error: the place, a line or several, and a mark below the column, or at the end. */
const MARKED_LINE = /^(?:file:\/\/)?(\/.+|[A-Za-z]:.+):(\d+)\n(?:.*\n){1,3}?( *)(?:\^|(?<= )$)/m;
/** The first place of a stack that is in a file. */
const FRAME = /\(?file:\/\/(\/.+?):(\d+):(\d+)\)?$/m;
const NO_EXPORT = /The requested module '(.+)' does not provide an export named '(.+)'/;

/** Why a module does not load: the place as `file:line:column`, the module's own words, and what to do where that is known. */
export function loadFailureOf(error: unknown, specifier: string): string {
  const { message } = encodeError(error);
  const stack = error instanceof Error ? String(error.stack) : '';
  const isSyntax = error instanceof Error && error.name === 'SyntaxError';
  const place = markedPlace(stack) ?? (isSyntax ? markedPlace(checkOutput(specifier)) : framePlace(stack));
  const [, module, name] = NO_EXPORT.exec(message) ?? [];
  const hint = name === undefined ? '' : `; if ${name} is a type, write: import type { ${name} } from '${module}'`;
  return `${place === null ? '' : `${place}: `}${message}${hint}`;
}

function markedPlace(text: string): string | null {
  const [, file, line, indent] = MARKED_LINE.exec(text) ?? [];
  return indent === undefined ? null : `${file}:${line}:${indent.length + 1}`;
}

function framePlace(stack: string): string | null {
  const [, file, line, column] = FRAME.exec(stack) ?? [];
  return column === undefined ? null : `${file}:${line}:${column}`;
}

/** The error of an `import` does not tell where JavaScript is wrong, as that of TypeScript does; Node's check of the file does. */
function checkOutput(specifier: string): string {
  if (!specifier.startsWith('file:') || specifier.endsWith('.ts')) return '';
  try {
    execFileSync(process.execPath, ['--check', fileURLToPath(specifier)], {
      env: {},
      timeout: CHECK_TIMEOUT_MS,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    return '';
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr ?? '');
  }
}
