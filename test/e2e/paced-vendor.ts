import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** A vendor of chat completions in the wire format of OpenAI, on a port of its own. */
export interface PacedVendor {
  url: string;
  close(): void;
}

/** What a question asks the vendor for, as JSON. */
export interface WantedAnswer {
  pieces: string[];
  /** Between two pieces. */
  pauseMs: number;
  /** Before which piece the model `talker` breaks off without an end; another one does not. */
  breakAt?: number;
}

/** Says what the last message of a request asks it to say, piece by piece. Its models are `talker` and `second`. */
export async function startPacedVendor(): Promise<PacedVendor> {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    if (!(request.url ?? '').endsWith('/chat/completions')) {
      response.setHeader('content-type', 'application/json');
      const data = ['talker', 'second'].map((id) => ({ id, object: 'model' }));
      response.end(JSON.stringify({ object: 'list', data }));
      return;
    }
    const { model, messages, stream } = JSON.parse(body) as {
      model: string;
      messages: { content: unknown }[];
      stream?: boolean;
    };
    if (stream !== true) return answerAtOnce(response, model);
    const { pieces, pauseMs, breakAt } = wantedIn(messages.at(-1)?.content);
    response.setHeader('content-type', 'text/event-stream');
    for (const [index, content] of pieces.entries()) {
      if (model === 'talker' && index === breakAt) return response.socket?.resetAndDestroy();
      write(response, model, { content });
      await sleep(pauseMs);
      if (response.destroyed) return;
    }
    write(response, model, {}, 'stop');
    response.end('data: [DONE]\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What is asked about an answer when it is there. */
function answerAtOnce(response: ServerResponse, model: string): void {
  const message = { role: 'assistant', content: '{"actions":[]}' };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model, choices, usage }));
}

function wantedIn(content: unknown): WantedAnswer {
  const said = typeof content === 'string' ? content : JSON.stringify(content);
  const parts = typeof content === 'string' ? said : (content as { text?: string }[]).map((part) => part.text).join('');
  return JSON.parse(parts.slice(parts.indexOf('{'), parts.lastIndexOf('}') + 1)) as WantedAnswer;
}

function write(response: ServerResponse, model: string, delta: object, finishReason: string | null = null): void {
  const chunk = {
    ...{ id: 'c', object: 'chat.completion.chunk', created: 1, model },
    choices: [{ index: 0, delta, finish_reason: finishReason }],
  };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}
