import type { Database } from '../../../db/client.ts';
import type { ContentPart } from '../../../plugins/contract.ts';
import { ProviderError } from '../../../plugins/errors.ts';
import { InvalidInputError } from '../../../shared/errors.ts';
import { ProviderFailedError } from '../../gateway/errors.ts';
import type { GeneratedAnswer, GenerationInput, GenerationPart } from '../../gateway/generation.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import type { AnswerCompletion, Attachment } from '../answer.ts';
import { readAttachment } from '../message-store.ts';
import type { WritingModel } from './writing-model.ts';

/** What a model writes, as it comes; one that does not stream gives it in one piece. */
export async function* writtenParts(
  gateway: ModelGateway,
  call: ModelCall,
  input: GenerationInput,
  { model }: WritingModel,
): AsyncGenerator<GenerationPart, void> {
  if (model.info.capabilities.includes('STREAM')) {
    yield* gateway.stream(call, input);
    return;
  }
  const answer = await gateway.generate(call, input);
  yield { kind: 'started', model: answer.model };
  if (answer.text !== '') yield { kind: 'text', text: answer.text };
  yield { kind: 'completed', answer };
}

/**
 * The end of an answer that a model has written.
 * @throws ProviderFailedError where the vendor's filter has cut it off
 */
export function completionOf(
  { usage, costUsd, attempts, model, finishReason }: GeneratedAnswer,
  said: Pick<AnswerCompletion, 'text' | 'language' | 'citations'>,
): AnswerCompletion {
  if (finishReason === 'content_filter') {
    const reason = `${model}: the vendor's content filter held the answer back`;
    throw new ProviderFailedError(attempts, new ProviderError('content_filter', reason));
  }
  const { inputTokens, outputTokens, cachedInputTokens = 0 } = usage;
  const amount = { inputTokens, outputTokens, cachedTokens: cachedInputTokens, costUsd };
  return { kind: 'completed', ...said, model, attempts, usage: amount };
}

/** Of the pictures together. */
export function bytesOf(attachments: readonly Attachment[]): number {
  return attachments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Pictures as a model is shown them. @throws InvalidInputError where one was deleted meanwhile */
export async function pictureParts(
  database: Database,
  workspaceId: string,
  attachments: readonly Attachment[],
): Promise<ContentPart[]> {
  const parts: ContentPart[] = [];
  for (const { id, mimeType } of attachments) {
    const content = await database.withWorkspace(workspaceId, (scope) => readAttachment(scope, id));
    if (content === null) throw InvalidInputError.at('attachments', 'a picture of the message is not there any more');
    parts.push({ kind: 'image', mimeType, base64: Buffer.from(content).toString('base64') });
  }
  return parts;
}
