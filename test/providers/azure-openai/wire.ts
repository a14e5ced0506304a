import type { ConformanceSubject, VendorWire } from '../../../src/plugins/conformance/subject.ts';
import type { RecordedRequest } from '../../../src/plugins/conformance/vendor-server.ts';
import { chatWire, chunk, embedWire, errorAnswer, modelList, OPENAI_WIRE, openAiFailure, sse } from '../openai/wire.ts';

/** https://learn.microsoft.com/azure/ai-services/openai/reference and …/concepts/content-filter */

const SAFE = { hate: { filtered: false, severity: 'safe' }, violence: { filtered: false, severity: 'safe' } };

/** The deployment is in the address; the model's name in the body says nothing. */
function withDeployment(request: RecordedRequest): RecordedRequest {
  const [, deployment] = /^\/openai\/deployments\/([^/]+)\//.exec(request.path) ?? [];
  const model = deployment?.replace(/^prod-/, '');
  return { ...request, json: { ...(request.json as object), model } };
}

const chat = chatWire('max_completion_tokens');
const embed = embedWire(1_536, 256, 'base64');

export const AZURE_WIRE: VendorWire = {
  ...OPENAI_WIRE,
  checked: () => modelList('gpt-4.1-mini-2025-04-14', 'text-embedding-3-small'),
  listed: ['gpt-4.1-mini', 'text-embedding-3-small'],
  failure: (failure) => {
    if (failure.cause !== 'content_filter') return openAiFailure(failure);
    return errorAnswer(400, {
      message: `The response was filtered due to the prompt triggering Azure OpenAI's content management policy. ${failure.message}`,
      type: null,
      code: 'content_filter',
      status: 400,
      innererror: {
        code: 'ResponsibleAIPolicyViolation',
        content_filter_result: { ...SAFE, violence: { filtered: true, severity: 'medium' } },
      },
    });
  },
  chat: {
    ...chat,
    asked: (request) => chat.asked(withDeployment(request)),
    stream: (reply, request) => {
      const stream = chat.stream(reply, request);
      const filterResults = chunk('', {
        choices: [],
        prompt_filter_results: [{ prompt_index: 0, content_filter_results: SAFE }],
      });
      return { ...stream, opening: [sse(filterResults), ...stream.opening] };
    },
  },
  embed: {
    ...embed,
    asked: (request) => embed.asked(withDeployment(request)),
    vectors: (vectors, tokens, request) => embed.vectors(vectors, tokens, withDeployment(request)),
  },
};

export const AZURE_MODELS: ConformanceSubject['models'] = {
  chat: 'gpt-4.1-mini',
  embed: 'text-embedding-3-small',
  transcribe: 'whisper-1',
  speak: 'tts-1',
};

export const DEPLOYMENTS = Object.fromEntries(Object.values(AZURE_MODELS).map((name) => [name, `prod-${name}`]));
