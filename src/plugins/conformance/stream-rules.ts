import assert from 'node:assert/strict';
import type { StreamPart } from '../contract.ts';
import type { ProviderErrorKind } from '../errors.ts';
import { PIECES, question, replyOf, streaming, streamOf, TEXT } from './replies.ts';
import type { ConformanceSubject, WireStream } from './subject.ts';
import {
  assertAbandoned,
  assertEndsByClose,
  type ConformanceRule,
  call,
  collect,
  promises,
  ruleMaker,
  type Trial,
} from './trial.ts';
import type { Script } from './vendor-server.ts';

/** Cuts most characters that have more than one byte. */
const CHUNK_BYTES = 5;
const SLOW_MS = 200;
/** What is no event of any vendor's. */
const MALFORMED_CHUNK = 'data: {"half of an eve\n\n';
/** An answer without its end; nothing was wrong with the request. */
const CUT: readonly ProviderErrorKind[] = ['network', 'malformed', 'server'];

/** What holds for streams alone. */
export function streamRules(subject: ConformanceSubject): ConformanceRule[] {
  if (!promises(subject, 'STREAM')) return [];
  return [...wholeStreamRules(subject), ...brokenStreamRules(subject), ...cancelRules(subject)];
}

/** Streams the usual answer as `choose` says. */
function playStream(
  trial: Trial,
  choose: (stream: WireStream) => readonly (string | Uint8Array)[],
  different: Partial<Extract<Script, { do: 'stream' }>> = {},
): void {
  const { subject } = trial;
  trial.play((request) => {
    return streaming(streamOf(subject, replyOf(subject), request), choose, different);
  });
}

const wholeStream = ({ opening, pieces, ending }: WireStream): string[] => [...opening, ...pieces, ...ending];
const withoutEnding = ({ opening, pieces }: WireStream): string[] => [...opening, ...pieces];

const ask = (trial: Trial) => collect(trial.provider.stream?.(question(trial.subject), call()));

function wholeStreamRules(subject: ConformanceSubject): ConformanceRule[] {
  const rule = ruleMaker(subject);
  return [
    rule('a stream hands on each piece when it comes, not at the end', async (trial) => {
      playStream(trial, ({ opening, pieces }) => [...opening, pieces[0] as string], { after: 'stall' });
      const parts = partsOf(trial);
      const first = await parts.next();
      assert.deepEqual(first.value, { kind: 'text', text: PIECES[0] });
      await parts.return(undefined);
    }),
    rule('a stream may come in chunks that cut events and characters', async (trial) => {
      playStream(trial, (stream) => chunked(Buffer.from(wholeStream(stream).join('')), CHUNK_BYTES));
      assert.equal((await ask(trial)).text, TEXT);
    }),
    rule('a stream may come in one chunk', async (trial) => {
      playStream(trial, (stream) => [wholeStream(stream).join('')]);
      assert.equal((await ask(trial)).text, TEXT);
    }),
    rule('a stream may begin late and pause', async (trial) => {
      playStream(trial, wholeStream, { firstDelayMs: SLOW_MS, delayMs: SLOW_MS / 10 });
      assert.equal((await ask(trial)).text, TEXT);
    }),
  ];
}

function brokenStreamRules(subject: ConformanceSubject): ConformanceRule[] {
  const rule = ruleMaker(subject);
  const failures = subject.wire.chat?.streamFailures ?? [];
  return [
    rule('a stream whose connection breaks is an error', async (trial) => {
      playStream(trial, withoutEnding, { after: 'cut' });
      await trial.providerError(() => ask(trial), 'network');
    }),
    rule('a stream that ends before its finish is an error, never a short answer', async (trial) => {
      playEnding(trial, withoutEnding);
      await trial.providerError(() => ask(trial), ...CUT);
    }),
    rule('a stream that ends before anything was said is an error', async (trial) => {
      playEnding(trial, () => []);
      await trial.providerError(() => ask(trial), ...CUT);
    }),
    rule('a stream without its last necessary chunk is an error', async (trial) => {
      playEnding(trial, (stream) => wholeStream(stream).slice(0, -1 - (stream.dispensable ?? 0)));
      await trial.providerError(() => ask(trial), ...CUT);
    }),
    rule('a stream without what its vendor may leave out is whole', async (trial) => {
      playStream(trial, (stream) =>
        wholeStream(stream).slice(0, wholeStream(stream).length - (stream.dispensable ?? 0)),
      );
      assert.equal((await ask(trial)).text, TEXT);
    }),
    rule('a stream with a malformed chunk is an error', async (trial) => {
      playStream(trial, ({ contentType, opening, pieces, ending }) => {
        if (contentType.startsWith('text/plain')) trial.leaveOut('streams are plain text: any chunk is a part of one');
        return [...opening, ...pieces, MALFORMED_CHUNK, ...ending];
      });
      await trial.providerError(() => ask(trial), 'malformed');
    }),
    ...(failures.length > 0 ? [] : [withoutFailures(subject)]),
    ...failures.map(({ chunk, kind }, index) =>
      rule(`a stream that reports a failure (${kind}, no. ${index + 1}) is that failure`, async (trial) => {
        playStream(trial, (stream) => [...withoutEnding(stream), chunk]);
        await trial.providerError(() => ask(trial), kind);
        playStream(trial, () => [chunk], { after: 'stall' });
        await trial.providerError(() => ask(trial), kind);
      }),
    ),
  ];
}

/** Plays a stream that is cut, where one can tell that from its end. */
function playEnding(trial: Trial, choose: (stream: WireStream) => readonly string[]): void {
  playStream(trial, (stream) => {
    const isEndless = stream.ending.length <= (stream.dispensable ?? 0);
    if (isEndless) trial.leaveOut('streams have no end of their own: a cut shows as a broken connection alone');
    return choose(stream);
  });
}

function withoutFailures(subject: ConformanceSubject): ConformanceRule {
  return ruleMaker(subject)('a stream that reports a failure is that failure', async (trial) => {
    trial.leaveOut('the vendor reports no failure within a stream: wire.chat.streamFailures is empty');
  });
}

function cancelRules(subject: ConformanceSubject): ConformanceRule[] {
  const rule = ruleMaker(subject);
  return [
    rule('a caller that leaves a stream half-way gets its own reason, and the socket is closed', async (trial) => {
      const caller = new AbortController();
      const reason = new Error('the caller left');
      playStream(trial, withoutEnding, { after: 'stall' });
      const failure = await trial.failure(async () => {
        for await (const part of partsFor(trial, caller.signal)) if (part.kind === 'text') caller.abort(reason);
      });
      assert.equal(failure, reason);
      await assertAbandoned(await trial.request());
    }),
    rule('a reader that stops reading a stream closes the socket', async (trial) => {
      playStream(trial, withoutEnding, { after: 'stall' });
      for await (const part of partsFor(trial)) if (part.kind === 'text') break;
      await assertAbandoned(await trial.request());
    }),
    rule(
      'a caller that leaves before the headers of a stream gets its own reason, and the socket is closed',
      async (trial) => {
        const caller = new AbortController();
        const reason = new Error('the caller left');
        trial.play({ do: 'silence' });
        const failure = trial.failure(() => collect(partsFor(trial, caller.signal)));
        const request = await trial.request();
        caller.abort(reason);
        assert.equal(await failure, reason);
        await assertAbandoned(request);
      },
    ),
    rule('closing the provider ends a stream under way', async (trial) => {
      playStream(trial, withoutEnding, { after: 'stall' });
      const begun = Promise.withResolvers<void>();
      const failure = trial.failure(async () => {
        for await (const part of partsFor(trial)) if (part.kind === 'text') begun.resolve();
      });
      await Promise.race([begun.promise, failure]);
      await trial.close();
      await assertEndsByClose(failure);
      await assertAbandoned(await trial.request());
    }),
  ];
}

function partsFor(trial: Trial, signal?: AbortSignal): AsyncIterable<StreamPart> {
  const stream = trial.provider.stream?.(question(trial.subject), call(signal));
  assert.ok(stream !== undefined, 'the provider does not stream');
  return stream;
}

/** Without what the vendor tells of its tokens meanwhile. */
async function* partsOf(trial: Trial): AsyncGenerator<StreamPart> {
  for await (const part of partsFor(trial)) if (part.kind !== 'usage') yield part;
}

function chunked(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}
