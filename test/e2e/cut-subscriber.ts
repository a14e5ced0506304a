import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createParser } from 'eventsource-parser';
import { WebSocket } from 'ws';
import { FOLLOW, type ToldEvent } from '../api/conversations/conversation-client.ts';

export type Door = 'WebSocket' | 'SSE';

/** What a subscriber is to be told, where, and how much of the answer its connection lets through. */
export interface Subscription {
  origin: string;
  key: string;
  id: string;
  after: number;
  /** The connection is destroyed once so many bytes have come; left out: it is not. */
  cutAfterBytes?: number;
}

/** What one connection has told. */
export interface Told {
  events: ToldEvent[];
  /** Whether it was cut before the subscription was over. */
  isCut: boolean;
}

/** One subscription on a TCP connection of its own, from its beginning to its end or its cut. */
export function subscribe(door: Door, subscription: Subscription): Promise<Told> {
  return door === 'SSE' ? overSse(subscription) : overWebSocket(subscription);
}

function connectTo({ origin, cutAfterBytes = Number.POSITIVE_INFINITY }: Subscription): Socket {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes >= cutAfterBytes) socket.resetAndDestroy();
  });
  return socket;
}

function overWebSocket(subscription: Subscription): Promise<Told> {
  const { origin, key, id, after } = subscription;
  const tcp = connectTo(subscription);
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    createConnection: () => tcp,
  });
  const events: ToldEvent[] = [];
  return new Promise((resolve, reject) => {
    let isOver = false;
    const send = (message: object) => socket.send(JSON.stringify(message), () => undefined);
    socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
    socket.on('message', (bytes) => {
      const message = JSON.parse(String(bytes)) as { type: string; payload?: Result };
      if (message.type === 'connection_ack') {
        send({ type: 'subscribe', id: '1', payload: { query: FOLLOW, variables: { id, after } } });
      }
      if (message.type === 'error') reject(new Error(String(bytes)));
      if (message.type === 'next') events.push(eventOf(message.payload));
      if (message.type !== 'complete') return;
      isOver = true;
      socket.close();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ events, isCut: !isOver }));
  });
}

function overSse(subscription: Subscription): Promise<Told> {
  const { origin, key, id, after } = subscription;
  const events: ToldEvent[] = [];
  let isOver = false;
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'next') events.push(eventOf(JSON.parse(data) as Result));
      if (event === 'complete') isOver = true;
    },
  });
  return new Promise((resolve, reject) => {
    const told = () => resolve({ events, isCut: !isOver });
    const asked = request(`${origin}/graphql`, {
      method: 'POST',
      createConnection: () => connectTo(subscription),
      headers: {
        ...{ 'content-type': 'application/json', accept: 'text/event-stream', connection: 'close' },
        authorization: `Bearer ${key}`,
      },
    });
    asked.on('error', told);
    asked.on('response', (response: IncomingMessage) => {
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        try {
          parser.feed(text);
        } catch (error) {
          reject(error);
        }
      });
      response.on('error', told);
      response.on('close', told);
    });
    asked.end(JSON.stringify({ query: FOLLOW, variables: { id, after } }));
  });
}

interface Result {
  data?: { generation: ToldEvent };
  errors?: object[];
}

function eventOf(result: Result | undefined): ToldEvent {
  if (result?.data === undefined) throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.data.generation;
}
