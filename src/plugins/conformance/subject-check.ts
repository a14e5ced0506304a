import type { Capability } from '../contract.ts';
import type { ConformanceSubject } from './subject.ts';

/** A part of a subject by its path, such as `wire.chat.asked`. */
type Part = readonly [path: string, type: 'function' | 'object' | 'string', why: string];

const ALWAYS: readonly Part[] = [
  ['config', 'function', 'a configuration whose calls go to a given url'],
  ['secrets', 'object', 'the credentials in it, as a list'],
  ['models', 'object', 'the name of a model for each thing that the plugin can do'],
  ['wire.checked', 'function', 'the answer to check() and listModels()'],
  ['wire.listed', 'object', 'names of models in it, as a list'],
  ['wire.failure', 'function', 'the answer to a request that fails'],
];

const CHAT: readonly Part[] = [
  ['models.chat', 'string', 'a model that answers'],
  ['wire.chat.asked', 'function', 'what a request asks'],
];

const OF_CAPABILITY: Readonly<Partial<Record<Capability, readonly Part[]>>> = {
  GENERATE: [...CHAT, ['wire.chat.whole', 'function', 'a whole answer']],
  STREAM: [...CHAT, ['wire.chat.stream', 'function', 'a streamed answer']],
  EMBED: [
    ['models.embed', 'string', 'a model that embeds'],
    ['wire.embed.asked', 'function', 'what a request asks'],
    ['wire.embed.vectors', 'function', 'the answer with its vectors'],
  ],
  RERANK: [
    ['models.rerank', 'string', 'a model that reranks'],
    ['wire.rerank', 'function', 'the answer with its scores'],
  ],
  MODERATE: [
    ['models.moderate', 'string', 'a model that moderates'],
    ['wire.moderate', 'function', 'the answer with its judgements'],
  ],
  TRANSCRIBE: [
    ['models.transcribe', 'string', 'a model that transcribes'],
    ['wire.transcribe', 'function', 'the answer with its text'],
  ],
  SPEAK: [
    ['models.speak', 'string', 'a model that speaks'],
    ['wire.speak', 'function', 'the answer with its sound'],
  ],
};

/** @throws where parts of a subject are not there that the rules of its plugin's capabilities need; it names them all */
export function checkSubject(subject: ConformanceSubject): void {
  const capabilities = subject?.plugin?.manifest?.capabilities;
  if (!Array.isArray(capabilities)) {
    throw new Error('the conformance subject needs `plugin`: the default export of a module, or `await pluginAt(url)`');
  }
  const needed = [...ALWAYS, ...capabilities.flatMap((each: Capability) => OF_CAPABILITY[each] ?? [])];
  const missing = new Map(
    needed.filter(([path, type]) => typeof at(subject, path) !== type).map(([path, , why]) => [path, why]),
  );
  if (missing.size === 0) return;
  const list = [...missing].map(([path, why]) => `${path} (${why})`).join(', ');
  throw new Error(`the conformance subject lacks ${list}; docs/writing-a-provider.md has a complete one`);
}

function at(subject: ConformanceSubject, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, step) => (value as Record<string, unknown> | null | undefined)?.[step], subject);
}
