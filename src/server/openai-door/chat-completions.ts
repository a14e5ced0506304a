import { answerCall } from './answer-call.ts';
import { ChunkWriter, chatCompletion, newCompletion } from './chat-answer.ts';
import { parseChatRequest } from './chat-request.ts';
import type { DoorRequest } from './door-request.ts';
import type { Fields } from './field-reading.ts';

/** `POST /v1/chat/completions` */
export async function chatCompletions(door: DoorRequest, body: Fields): Promise<void> {
  const chat = parseChatRequest(body, door.request.headers);
  const completion = newCompletion();
  await answerCall(door, chat, {
    whole: (answer) => chatCompletion(completion, answer),
    writer: () => new ChunkWriter(completion, chat.includeUsage),
  });
}
