/** The events of an answer; `after` is the last `seq` that is known already. */
export const FOLLOW = `subscription ($id: ID!, $after: Int) {
  generation(id: $id, after: $after) {
    __typename
    seq
    ... on TextDelta { text }
    ... on GenerationFailed { code reason: message }
    ... on GenerationCompleted { stopped message { id text } }
  }
}`;

export interface GenerationEvent {
  __typename: string;
  seq: number;
  text?: string;
  reason?: string;
}

export interface Sink {
  next(event: GenerationEvent): void;
  error(error: unknown): void;
  complete(): void;
}

/** Subscribes by a client. @returns ends the subscription; the answer goes on */
export type Follow = (id: string, after: number, sink: Sink) => () => void;

/** Reads an answer to its end, and goes on from its last event where the connection is lost. */
export function readAnswer(follow: Follow, id: string, show: (text: string) => void, tries = 10): Promise<string> {
  let [text, seq] = ['', 0];
  return new Promise((resolve, reject) => {
    const read = (left: number) => {
      let isOver = false;
      // Some clients tell a lost connection as an error, some as an end, and some as both.
      const lost = (error: unknown) => {
        if (isOver) return;
        isOver = true;
        if (left === 0) reject(error);
        else setTimeout(read, 250, left - 1);
      };
      const next = ({ __typename, ...event }: GenerationEvent) => {
        seq = event.seq;
        // Another model, or another server, begins the whole answer again: what came before is void.
        if (__typename === 'GenerationRestarted') text = '';
        if (__typename === 'TextDelta') text += event.text;
        show(text);
        if (__typename === 'GenerationCompleted') resolve(text);
        if (__typename === 'GenerationFailed') reject(new Error(event.reason));
        isOver = __typename === 'GenerationCompleted' || __typename === 'GenerationFailed';
      };
      follow(id, seq, { next, error: lost, complete: () => lost(new Error('the connection was lost')) });
    };
    read(tries);
  });
}
