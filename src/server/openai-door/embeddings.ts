import type { EmbeddedText } from '../../domain/gateway/embed-calls.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { answerJson, type DoorRequest, modelCallOf } from './door-request.ts';
import { type Fields, isAbsent, listAt, optionalInteger, optionalText, refuseOthers, textAt } from './field-reading.ts';
import { withModel } from './model-names.ts';

/** As many as OpenAI takes. */
/** As many as the field `embed` takes. */
const MAX_TEXTS = 1_000;

interface EmbeddingsRequest {
  model: string | undefined;
  texts: string[];
  dimensions: number | undefined;
  encoding: 'float' | 'base64';
}

/** `POST /v1/embeddings` */
export async function embeddings(door: DoorRequest, body: Fields): Promise<void> {
  const { model, texts, dimensions, encoding } = parse(body);
  const call = modelCallOf(door, 'embed');
  const { gateway, models } = door.services;
  const result = await withModel(models, { workspaceId: door.caller.workspace.id, model }, (id) =>
    gateway.embed(call, { texts, purpose: 'document', model: id, dimensions }),
  );
  const spent = call.tally.total();
  const tokens = result.embeddings.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  const headers = {
    'x-signalbox-model': result.model.id,
    'x-signalbox-cache': result.embeddings.every(({ cached }) => cached) ? 'HIT' : 'MISS',
    'x-signalbox-attempts': spent?.calls ?? 0,
    ...(spent?.costUsd == null ? {} : { 'x-signalbox-cost-usd': spent.costUsd }),
  };
  answerJson(door, 200, headers, {
    object: 'list',
    data: result.embeddings.map((text, index) => ({ object: 'embedding', index, embedding: encode(text, encoding) })),
    model: result.model.id,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

function encode({ vector }: EmbeddedText, encoding: 'float' | 'base64'): number[] | string {
  if (encoding === 'float') return Array.from(vector);
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

function parse(body: Fields): EmbeddingsRequest {
  // Which of the client's own users asks changes nothing of a vector.
  const { model, input, dimensions, encoding_format, user: _user, ...others } = body;
  refuseOthers(others, '');
  const encoding = optionalText(encoding_format, 'encoding_format') ?? 'float';
  if (encoding !== 'float' && encoding !== 'base64') {
    throw InvalidInputError.at('encoding_format', 'must be float or base64');
  }
  return {
    model: optionalText(model, 'model'),
    texts: parseTexts(input),
    dimensions: optionalInteger(dimensions, 'dimensions', 1),
    encoding,
  };
}

function parseTexts(input: unknown): string[] {
  if (typeof input === 'string') return [input];
  if (isAbsent(input)) throw InvalidInputError.at('input', 'must be a string, or an array of strings');
  const list = listAt(input, 'input');
  if (list.length === 0) throw InvalidInputError.at('input', 'must have at least one text');
  if (list.length > MAX_TEXTS) {
    throw InvalidInputError.at('input', `has ${list.length} texts, and ${MAX_TEXTS} are allowed in one request`);
  }
  if (typeof list[0] === 'number' || Array.isArray(list[0])) {
    throw InvalidInputError.at('input', 'must be text: tokens mean something else to each model');
  }
  return list.map((text, index) => textAt(text, `input.${index}`));
}
