/** A provider plugin as a process of its own, in any language that speaks HTTP: see docs/writing-a-provider.md. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const MANIFEST = {
  id: 'shouter',
  label: 'Shouter',
  version: '1.0.0',
  specVersion: 1,
  capabilities: ['GENERATE', 'STREAM'],
  configSchema: {
    type: 'object',
    required: ['apiKey'],
    additionalProperties: false,
    properties: { apiKey: { type: 'string', minLength: 8, secret: true } },
  },
};
const MODELS = [{ name: 'loud', capabilities: ['GENERATE', 'STREAM'], contextTokens: 8_000 }];
const HONOURED = ['model', 'messages'];

type Chat = { messages: { text?: string; parts?: { text?: string }[] }[] };
type Call = { config: { apiKey: string }; request: Chat | null };

const HANDLERS: Record<string, (request: Chat, response: ServerResponse) => unknown> = {
  models: () => MODELS,
  check: () => null,
  generate: (request) => ({ text: shout(request).join(' '), toolCalls: [], ...endOf(request) }),
  stream: async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [position, word] of shout(request).entries()) {
      // The caller has left: that is how a call is cancelled.
      if (response.destroyed) return;
      send(response, { kind: 'text', text: position === 0 ? word : ` ${word}` });
      await sleep(5);
    }
    send(response, { kind: 'finish', ...endOf(request) });
  },
};

const server = createServer(async (message, response) => {
  try {
    const path = message.url?.slice(1) ?? '';
    if (path === 'manifest') return response.end(JSON.stringify(MANIFEST));
    const handler = HANDLERS[path];
    if (handler === undefined) return refuse(response, 404, 'not_found', `there is no ${path} here`);
    const { config, request } = JSON.parse(Buffer.concat(await message.toArray()).toString()) as Call;
    if (!config.apiKey.startsWith('shout-')) return refuse(response, 401, 'authentication', 'this key is not good');
    const other = Object.keys(request ?? {}).find((field) => !HONOURED.includes(field));
    if (other !== undefined) return refuse(response, 400, 'bad_request', `loud has no ${other}`);
    const answer = await handler(request ?? { messages: [] }, response);
    response.end(answer === undefined ? undefined : JSON.stringify(answer));
  } catch (error) {
    refuse(response, 500, 'server', (error as Error).message);
  }
});
server.listen(Number(process.env.PORT ?? 4100), '127.0.0.1', () => {
  console.log(`plugin process at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

function send(response: ServerResponse, part: object): void {
  response.write(`data: ${JSON.stringify(part)}\n\n`);
}

function refuse(response: ServerResponse, status: number, kind: string, message: string): void {
  if (!response.headersSent) response.writeHead(status);
  response.end(JSON.stringify({ error: { kind, message, status } }));
}

function shout({ messages }: Chat): string[] {
  const last = messages.at(-1);
  return (last?.text ?? last?.parts?.map(({ text = '' }) => text).join('') ?? '').toUpperCase().split(/\s+/);
}

function endOf(chat: Chat): object {
  const usage = { inputTokens: JSON.stringify(chat.messages).length, outputTokens: shout(chat).length };
  return { finishReason: 'stop', usage, model: 'loud' };
}
