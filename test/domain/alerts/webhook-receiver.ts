import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ReceivedCall {
  method: string | undefined;
  path: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a receiver does with a call: a status, a redirect to an address, or no answer at all. */
export type Reaction = number | { redirectTo: string } | 'silence';

export interface WebhookReceiver {
  url: string;
  calls: ReceivedCall[];
  /** How it reacts to the calls to come, one after the other; the last one is repeated. */
  react(...reactions: Reaction[]): void;
  close(): Promise<void>;
}

/** Somebody's server that alerts are sent to. */
export async function startReceiver(): Promise<WebhookReceiver> {
  const calls: ReceivedCall[] = [];
  let reactions: Reaction[] = [204];
  const server = createServer(async (request, response) => {
    const { method, url: path, headers } = request;
    calls.push({ method, path, headers, body: await text(request) });
    reply(response, (reactions.length > 1 ? reactions.shift() : reactions[0]) ?? 204);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts?token=of-the-receiver`,
    calls,
    react: (...given) => {
      calls.length = 0;
      reactions = given;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function reply(response: ServerResponse, reaction: Reaction): void {
  if (reaction === 'silence') return;
  if (typeof reaction === 'number') response.writeHead(reaction).end('thank you');
  else response.writeHead(307, { location: reaction.redirectTo }).end();
}
