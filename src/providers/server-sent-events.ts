import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { PostResponse } from '../plugins/contract.ts';
import { ProviderError } from '../plugins/errors.ts';
import { jsonIn } from '../shared/json.ts';

/** Of one event; a longer one is none. */
const MAX_EVENT_LENGTH = 32 * 1024 * 1024;
/** Of an answer that came in place of a stream. */
const MAX_WHOLE_LENGTH = 4 * 1024 * 1024;

export type ServerSentEvent = Pick<EventSourceMessage, 'event' | 'data'>;

/**
 * The events of a stream, whatever chunks they come in. An event that the end of the stream cuts is none; one that only
 * lacks the empty line after it is one, beyond the standard, as servers forget that line. Whether the stream was whole is
 * for the vendor's reader to know. Leaving early closes the socket.
 * @param read what an answer says that has come to its end without an event, where it is no longer than 4 MB
 */
export async function* serverSentEvents(
  response: PostResponse,
  read: (text: string) => readonly ServerSentEvent[] = () => [],
): AsyncIterable<ServerSentEvent> {
  const ready: ServerSentEvent[] = [];
  const decoder = new TextDecoder();
  const parser = createParser({ onEvent: (event) => ready.push(event), maxBufferSize: MAX_EVENT_LENGTH });
  const feed = (text: string) => {
    try {
      parser.feed(text);
    } catch (error) {
      throw new ProviderError('malformed', 'the stream has an event without an end', { cause: error });
    }
  };
  let eventless: string | null = '';
  for await (const chunk of response.chunks()) {
    const text = decoder.decode(chunk, { stream: true });
    feed(text);
    if (eventless !== null) {
      eventless = ready.length > 0 || eventless.length > MAX_WHOLE_LENGTH ? null : eventless + text;
    }
    yield* ready.splice(0);
  }
  feed(`${decoder.decode()}\n\n`);
  yield* ready.filter(({ data }) => isWholeData(data));
  if (eventless !== null && ready.length === 0) yield* read(eventless);
}

/** Whether nothing of an event's data is cut off: it is JSON, or the mark that ends a stream. */
function isWholeData(data: string): boolean {
  return data.trim() === '[DONE]' || jsonIn(data) !== undefined;
}
