import { answerCall } from './answer-call.ts';
import type { DoorRequest } from './door-request.ts';
import type { Fields } from './field-reading.ts';
import { newResponse, ResponseWriter, responseOf } from './responses-answer.ts';
import { parseResponsesRequest } from './responses-request.ts';

/** `POST /v1/responses` */
export async function responses(door: DoorRequest, body: Fields): Promise<void> {
  const identity = newResponse();
  await answerCall(door, parseResponsesRequest(body, door.request.headers), {
    whole: (answer) => responseOf(identity, answer),
    writer: () => new ResponseWriter(identity),
  });
}
