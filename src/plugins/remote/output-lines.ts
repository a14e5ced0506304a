import type { Readable } from 'node:stream';

/** Of a line that is read; a longer one is told of, and not repeated. */
const LINE_MAX_CHARACTERS = 64_000;

/** Line by line, and whole, as a line may name a credential: half of one is not recognised. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let line = '';
  let characters = 0;
  const add = (text: string) => {
    characters += text.length;
    if (characters <= LINE_MAX_CHARACTERS) line += text;
  };
  const end = () => {
    if (characters > LINE_MAX_CHARACTERS) onLine(`(a line of ${characters} characters)`);
    else if (line.trim() !== '') onLine(line);
    line = '';
    characters = 0;
  };
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const [first = '', ...others] = chunk.split('\n');
    add(first);
    for (const other of others) {
      end();
      add(other);
    }
  });
  stream.on('end', end);
}
