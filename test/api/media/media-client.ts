import { request as httpRequest } from 'node:http';
import type { ChatWire } from '../../../src/plugins/conformance/subject.ts';
import type { RecordedRequest, Script } from '../../../src/plugins/conformance/vendor-server.ts';
import { ConversationClient } from '../conversations/conversation-client.ts';
import type { Answer, TestServer } from '../server-harness.ts';

export interface SentFile {
  content: Uint8Array;
  fileName?: string;
  mimeType?: string;
}

/** A GraphQL answer, with the fields of typed errors where it is one. */
export interface Told {
  __typename: string;
  code: string;
  message: string;
  [field: string]: unknown;
}

const RESULTS = {
  describeImage: ['DescribeImageInput', '... on Generation { id status attempts { outcome } }'],
  sendMessage: ['SendMessageInput', '... on Generation { id status }'],
  transcribe: [
    'TranscribeInput',
    `... on Transcript { text language durationSeconds segments model usage { inputTokens outputTokens costUsd } }
     ... on ProviderFailedError { attempts { seq provider model outcome errorCode usage { costUsd } } }`,
  ],
} as const;

/** What a workspace does with files, over multipart requests. */
export class MediaClient {
  readonly #server: TestServer;
  readonly key: string;
  readonly conversations: ConversationClient;

  constructor(server: TestServer, key: string) {
    this.#server = server;
    this.key = key;
    this.conversations = new ConversationClient(server, key);
  }

  /** Sends a mutation whose files are at these places of the input. */
  async post(
    mutation: keyof typeof RESULTS,
    input: object,
    files: Readonly<Record<string, SentFile>>,
    leaving: AbortSignal = new AbortController().signal,
  ): Promise<Answer<Record<string, Told>>['body']> {
    const [type, selection] = RESULTS[mutation];
    const query = `mutation ($input: ${type}!) {
      ${mutation}(input: $input) { __typename ${selection} ... on Error { code errorMessage: message } }
    }`;
    const places = Object.keys(files);
    const form = new FormData();
    form.set('operations', JSON.stringify({ query, variables: { input } }));
    form.set('map', JSON.stringify(Object.fromEntries(places.map((place, i) => [i, [`variables.input.${place}`]]))));
    for (const [i, place] of places.entries()) {
      const { content, fileName = 'file', mimeType = '' } = files[place] as SentFile;
      form.set(String(i), new Blob([Uint8Array.from(content)], { type: mimeType }), fileName);
    }
    const headers = { authorization: `Bearer ${this.key}` };
    const signal = AbortSignal.any([AbortSignal.timeout(60_000), leaving]);
    const response = await fetch(`${this.#server.url}/graphql`, { method: 'POST', headers, body: form, signal });
    return (await response.json()) as Answer<Record<string, Told>>['body'];
  }

  /** As `post`, where it is answered with data. */
  async sent(
    mutation: keyof typeof RESULTS,
    input: object,
    files: Readonly<Record<string, SentFile>>,
    leaving?: AbortSignal,
  ): Promise<Told> {
    const body = await this.post(mutation, input, files, leaving);
    const told = body.data?.[mutation];
    if (told === undefined) throw new Error(`refused: ${JSON.stringify(body)}`);
    return { ...told, message: (told.errorMessage as string | undefined) ?? told.message };
  }

  describe(file: SentFile, input: object = {}): Promise<Told> {
    return this.sent('describeImage', { file: null, ...input }, { file });
  }

  transcribe(file: SentFile, input: object = {}, leaving?: AbortSignal): Promise<Told> {
    return this.sent('transcribe', { file: null, ...input }, { file }, leaving);
  }

  /** Sends the beginning of a file, and leaves when the server has it. */
  async breakOff(mutation: keyof typeof RESULTS, content: Uint8Array): Promise<void> {
    const [type] = RESULTS[mutation];
    const query = `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`;
    const part = (name: string, value: string) =>
      `--cut\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const fields =
      part('operations', JSON.stringify({ query, variables: { input: { file: null } } })) +
      part('map', JSON.stringify({ 0: ['variables.input.file'] }));
    const opening = `${fields}--cut\r\ncontent-disposition: form-data; name="0"; filename="a"\r\n\r\n`;
    const { hostname, port } = new URL(this.#server.url);
    const request = httpRequest({
      ...{ hostname, port, path: '/graphql', method: 'POST', agent: false },
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'multipart/form-data; boundary=cut' },
    });
    const gone = new Promise((resolve) => request.once('close', resolve));
    request.on('error', () => undefined);
    request.write(opening);
    await new Promise((resolve) => request.write(content, resolve));
    request.destroy();
    await gone;
  }

  async speak(input: object): Promise<Told> {
    const query = `mutation ($input: SpeakInput!) {
      speak(input: $input) {
        __typename
        ... on Speech { audioBase64 mimeType durationSeconds model usage { inputTokens outputTokens costUsd } }
        ... on ProviderFailedError { attempts { outcome errorCode } }
        ... on Error { code errorMessage: message }
      }
    }`;
    const { speak } = await this.conversations.read<{ speak: Told }>(query, { input });
    return { ...speak, message: (speak.errorMessage as string | undefined) ?? speak.message };
  }

  async integrate(name: string, pluginId: string, config: object, credentials: object = { apiKey: 'sk-test-1234' }) {
    const { createIntegration } = await this.conversations.read<{ createIntegration: { __typename: string } }>(
      `mutation ($input: CreateIntegrationInput!) {
        createIntegration(input: $input) { __typename ... on Error { message } }
      }`,
      { input: { name, pluginId, config, credentials } },
    );
    if (createIntegration.__typename !== 'Integration') throw new Error(JSON.stringify(createIntegration));
  }
}

/** A vendor's answer to a chat in these pieces; what is no chat is a list of no models. */
export function chatScript(wire: ChatWire, pieces: readonly string[]): (request: RecordedRequest) => Script {
  return (request) => {
    if (request.method === 'GET') return { do: 'answer', body: { object: 'list', data: [] } };
    const reply = {
      ...{ pieces, toolCalls: [], finishReason: 'stop' as const, usage: { inputTokens: 900, outputTokens: 12 } },
      model: wire.asked(request).model,
    };
    if (!wire.asked(request).stream) return { do: 'answer', ...wire.whole(reply, request) };
    const { contentType, opening, pieces: chunks, ending } = wire.stream(reply, request);
    return { do: 'stream', headers: { 'content-type': contentType }, chunks: [...opening, ...chunks, ...ending] };
  };
}

/** One dot. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Silence of so many seconds, as samples of 8 bits. */
export function wav(seconds: number): Buffer {
  const rate = 8_000;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + rate * seconds, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36);
  header.writeUInt32LE(rate * seconds, 40);
  return Buffer.concat([header, Buffer.alloc(rate * seconds, 128)]);
}

/** An MP3 of so many frames of silence: 24 ms each, at 8 kbit/s. */
export function mp3(frames: number): Buffer {
  const frame = Buffer.alloc(24);
  frame.set([0xff, 0xf3, 0x14, 0xc4]);
  return Buffer.concat(Array.from({ length: frames }, () => frame));
}
