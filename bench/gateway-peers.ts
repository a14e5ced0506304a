/** The servers of bench/gateway-overhead.ts that are not ours: started by it with `upstream` or `pipe <upstream port>`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';

const [kind, upstreamPort] = process.argv.slice(2);

/** Pieces of a streamed answer, and the time between them. */
const PIECES = 50;
const PIECE_INTERVAL_MS = 20;

const USAGE = { prompt_tokens: 12, completion_tokens: 40, total_tokens: 52 };
const ANSWER = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'bench-model',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'The export ends early because the page size is cut. '.repeat(4) },
      finish_reason: 'stop',
    },
  ],
  usage: USAGE,
});

/** A vendor that answers at once, in OpenAI's format. */
async function upstream(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (!Buffer.concat(chunks).includes('"stream":true')) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(ANSWER) });
    response.end(ANSWER);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let piece = 0; piece < PIECES; piece++) {
    response.write(event([{ index: 0, delta: { content: `piece ${piece} ` }, finish_reason: null }]));
    await sleep(PIECE_INTERVAL_MS);
  }
  response.write(event([{ index: 0, delta: {}, finish_reason: 'stop' }]));
  response.write(event([], USAGE));
  response.end('data: [DONE]\n\n');
}

function event(choices: object[], usage?: object): string {
  const body = {
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'bench-model',
    choices,
  };
  return `data: ${JSON.stringify(usage === undefined ? body : { ...body, usage })}\n\n`;
}

/** The least that a gateway can do: pass on. */
function pipeTo(port: string): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const agent = new Agent();
  return async (request, response) => {
    const answer = await agent.request({
      origin: `http://127.0.0.1:${port}`,
      path: request.url ?? '/',
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: request.headers.authorization ?? '' },
      body: request,
    });
    const type = answer.headers['content-type'] as string;
    const length = answer.headers['content-length'] as string | undefined;
    response.writeHead(answer.statusCode, {
      'content-type': type,
      ...(length === undefined ? {} : { 'content-length': length }),
    });
    answer.body.pipe(response);
  };
}

const handle = kind === 'upstream' ? upstream : pipeTo(upstreamPort ?? '');
const server = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('SIGTERM', () => process.exit(0));
