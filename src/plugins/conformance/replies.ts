import type { GenerateRequest } from '../contract.ts';
import type { ConformanceSubject, WireReply, WireStream } from './subject.ts';
import type { RecordedRequest, Script } from './vendor-server.ts';

/** Characters of one to four bytes: what is cut between two chunks shows. */
export const PIECES = ['Grüße', ' aus ', '東京 🗼', ', wo es “regnet”.\n', 'Tschüß 👋🏽!'];
export const TEXT = PIECES.join('');
export const USAGE = { inputTokens: 42, outputTokens: 17 };

export const WEATHER_TOOL = {
  name: 'get_weather',
  description: 'The weather of a city, now.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
} as const;

export const WEATHER_CALLS: WireReply['toolCalls'] = [
  { id: 'call_paris', name: 'get_weather', argumentPieces: ['{"ci', 'ty":"Par', 'is"}'] },
  { id: 'call_tokyo', name: 'get_weather', argumentPieces: ['{"city"', ':"東京"}'] },
];

/** What the server says: `PIECES`, unless told. */
export function replyOf(subject: ConformanceSubject, different: Partial<WireReply> = {}): WireReply {
  return {
    pieces: PIECES,
    toolCalls: [],
    finishReason: 'stop',
    usage: USAGE,
    // Vendors like to answer by a more exact name than they were asked by.
    model: subject.wire.chat?.namesModel === false ? chatModel(subject) : `${chatModel(subject)}-2026-01-31`,
    ...different,
  };
}

export function chatModel(subject: ConformanceSubject): string {
  const { chat } = subject.models;
  if (chat === undefined) throw new Error('the subject names no model for `chat`');
  return chat;
}

export function question(subject: ConformanceSubject, different: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    model: chatModel(subject),
    messages: [{ role: 'user', parts: [{ kind: 'text', text: 'How is the weather?' }] }],
    ...(subject.wire.chat?.takesMaxOutputTokens === false ? {} : { maxOutputTokens: 200 }),
    ...different,
  };
}

/** The server's answer to a request for a reply, whole or streamed. */
export function replying(subject: ConformanceSubject, reply: WireReply): (request: RecordedRequest) => Script {
  return (request) => {
    const { chat } = subject.wire;
    if (chat === undefined) throw new Error('the subject has no wire for `chat`');
    if (chat.asked(request).stream !== true)
      return { do: 'answer', ...required(chat.whole, 'chat.whole')(reply, request) };
    return streaming(streamOf(subject, reply, request), ({ opening, pieces, ending }) => [
      ...opening,
      ...pieces,
      ...ending,
    ]);
  };
}

/** The server's streamed answer to a request. */
export function streamOf(subject: ConformanceSubject, reply: WireReply, request: RecordedRequest): WireStream {
  return required(subject.wire.chat?.stream, 'chat.stream')(reply, request);
}

/** A part of the wire that a rule cannot do without. */
export function required<Part>(part: Part | undefined, name: string): Part {
  if (part === undefined) throw new Error(`the subject has no wire.${name}`);
  return part;
}

type StreamScript = Extract<Script, { do: 'stream' }>;

export function streaming(
  stream: WireStream,
  choose: (stream: WireStream) => readonly (string | Uint8Array)[],
  different: Partial<StreamScript> = {},
): Script {
  return { do: 'stream', headers: { 'content-type': stream.contentType }, chunks: choose(stream), ...different };
}
