import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request for a chat completion, as OpenAI's wire format has it. */
export interface ChatRequest {
  model: string;
  messages: { role: string; content: string | null; tool_calls?: unknown[]; tool_call_id?: string }[];
  tools?: { type: 'function'; function: { name: string; description?: string; parameters: object } }[];
  response_format?: { type: string; json_schema?: { name: string; schema: object } };
}

/** What it answers: a text, an object that is written as JSON, calls of tools, a failure, or nothing at all. */
export type ChatReply =
  | { text: string }
  | { json: object }
  | { toolCalls: { name: string; arguments: object | string }[] }
  | { status: number }
  | { silent: true };

/** A vendor on this machine that speaks OpenAI's chat completions. Each answer is 100 tokens read and 20 written. */
export interface ChatVendor {
  /** Ends in `/v1`, as an integration's `baseUrl` does. */
  url: string;
  requests: ChatRequest[];
  close(): Promise<void>;
}

/** @param reply to each request, in their order; `place` is 0 for the first */
export async function startChatVendor(
  reply: (request: ChatRequest, place: number) => ChatReply | Promise<ChatReply>,
): Promise<ChatVendor> {
  const requests: ChatRequest[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    response.setHeader('content-type', 'application/json');
    if (!(request.url ?? '').endsWith('/chat/completions')) {
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'writer', object: 'model' }] }));
      return;
    }
    const asked = JSON.parse(body) as ChatRequest;
    const said = await reply(asked, requests.push(asked) - 1);
    if ('silent' in said) return;
    if ('status' in said) {
      response.statusCode = said.status;
      response.end(JSON.stringify({ error: { message: `the vendor says ${said.status}` } }));
      return;
    }
    response.end(JSON.stringify(completion(asked.model, said, requests.length)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What `createIntegration` takes to have it write: 1 US dollar a million tokens read, and 2 written. */
export function vendorIntegration({ url }: ChatVendor) {
  const models = [{ name: 'writer', inputUsdPerMillion: '1', outputUsdPerMillion: '2' }];
  return { name: 'vendor', pluginId: 'openai-compatible', config: { baseUrl: url, models } };
}

function completion(model: string, said: Exclude<ChatReply, { status: number } | { silent: true }>, count: number) {
  const calls = 'toolCalls' in said ? said.toolCalls : [];
  const content = 'text' in said ? said.text : 'json' in said ? JSON.stringify(said.json) : null;
  const toolCalls = calls.map(({ name, arguments: given }, i) => ({
    id: `call_${count}_${i}`,
    type: 'function',
    function: { name, arguments: typeof given === 'string' ? given : JSON.stringify(given) },
  }));
  return {
    ...{ id: `chat_${count}`, object: 'chat.completion', created: 1, model },
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, ...(calls.length > 0 ? { tool_calls: toolCalls } : {}) },
        finish_reason: calls.length > 0 ? 'tool_calls' : 'stop',
      },
    ],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  };
}
