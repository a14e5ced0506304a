import { ForbiddenError } from '../../domain/access/actions.ts';
import { ProviderFailedError } from '../../domain/gateway/errors.ts';
import type { Speech, Transcript } from '../../domain/media/media-service.ts';
import { BudgetExceededError, LimitReachedError } from '../../domain/usage/errors.ts';
import { RateLimitedError } from '../../domain/usage/rate-limit.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { GenerationType } from '../conversations/generation-type.ts';
import { UsageAmountType } from '../conversations/usage-amount.ts';
import { modelCall } from '../request.ts';

const TranscriptType = builder.objectRef<Transcript>('Transcript').implement({
  description: 'What was said in a file.',
  fields: (t) => ({
    text: t.exposeString('text', { description: 'All of it.' }),
    language: t.exposeString('language', {
      nullable: true,
      description:
        'ISO 639-1, such as "de" (639-3 where there is no shorter code), where the provider tells it; else null.',
    }),
    durationSeconds: t.exposeFloat('durationSeconds', {
      description: 'Length of the sound: as the provider says, else as the file does; 0 where neither tells.',
    }),
    segments: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'When what was said: a list of { start, end, text }, in seconds. Null where the provider tells no times.',
      resolve: ({ segments }) => segments,
    }),
    model: t.exposeString('model', { description: 'Id of the model that wrote it down.' }),
    usage: t.field({ type: UsageAmountType, description: 'What it took.', resolve: ({ usage }) => usage }),
  }),
});

const SpeechType = builder.objectRef<Speech>('Speech').implement({
  description: 'A text, said aloud.',
  fields: (t) => ({
    audioBase64: t.string({
      description: 'The sound as a file, in base64.',
      resolve: ({ audio }) => Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength).toString('base64'),
    }),
    mimeType: t.exposeString('mimeType', { description: 'What kind of file, such as "audio/mpeg".' }),
    durationSeconds: t.exposeFloat('durationSeconds', {
      nullable: true,
      description: 'Its length; null where the provider does not tell.',
    }),
    model: t.exposeString('model', { description: 'Id of the model that said it.' }),
    usage: t.field({ type: UsageAmountType, description: 'What it took.', resolve: ({ usage }) => usage }),
  }),
});

const DescribeImageInput = builder.inputType('DescribeImageInput', {
  description: 'A picture to look at.',
  fields: (t) => ({
    file: t.field({
      type: 'File',
      required: true,
      description:
        'PNG, JPEG, GIF or WebP, 5 MB at the most, as a part of a multipart request. It is not kept longer than the description takes.',
    }),
    prompt: t.string({
      description: 'What to tell of it, up to 10,000 characters; a description of all of it where it is left out.',
    }),
    model: t.id({
      description:
        'Id of a model with IMAGE_INPUT, `<integration>/<model>`; the workspace’s choice for `chat` where it is left out and that one sees, else the first that does.',
    }),
  }),
});

const TranscribeInput = builder.inputType('TranscribeInput', {
  description: 'Speech to write down.',
  fields: (t) => ({
    file: t.field({
      type: 'File',
      required: true,
      description: 'WAV, MP3, MP4, M4A, FLAC, Ogg or WebM, 25 MB at the most, as a part of a multipart request.',
    }),
    language: t.string({
      description: 'What is spoken, as a BCP 47 tag; the provider finds out where it is left out.',
    }),
    model: t.id({ description: 'Id of a model with TRANSCRIBE; the first that can where it is left out.' }),
  }),
});

const SpeakInput = builder.inputType('SpeakInput', {
  description: 'A text to say.',
  fields: (t) => ({
    text: t.string({ required: true, description: '1 to 4,096 characters.' }),
    voice: t.string({
      description:
        'One of the vendor’s own, by its name there (OpenAI "coral", Google "Kore"; Workers AI takes a language, "es"); the plugin’s first where it is left out.',
    }),
    model: t.id({ description: 'Id of a model with SPEAK; the first that can where it is left out.' }),
  }),
});

const LIMITS = [InvalidInputError, ForbiddenError, LimitReachedError, BudgetExceededError, RateLimitedError];

builder.mutationFields((t) => ({
  describeImage: t.field({
    type: GenerationType,
    description:
      'Has a model that sees say what is in a picture: returns with the generation, to be watched by the subscription `generation`, resumed and stopped as any answer. What goes wrong with the description itself is its last event. A NO_PROVIDER error where no model of the workspace sees. Needs AI_USE.',
    errors: { types: LIMITS },
    args: { input: t.arg({ type: DescribeImageInput, required: true, description: 'The picture.' }) },
    resolve: (_root, { input }, context) => {
      const { file, prompt, model } = input;
      const call = modelCall(context, 'describe_image', 'AI_USE');
      return context.services.imageDescriptions.describe(call, { file, prompt: prompt ?? null, model: model ?? null });
    },
  }),
  transcribe: t.field({
    type: TranscriptType,
    description:
      'Writes down what is said in a file. A NO_PROVIDER error where no model of the workspace can. Needs AI_USE.',
    errors: { types: [...LIMITS, ProviderFailedError] },
    args: { input: t.arg({ type: TranscribeInput, required: true, description: 'The file.' }) },
    resolve: (_root, { input }, context) => {
      const { file, language, model } = input;
      const asked = { file, language: language ?? null, model: model ?? null };
      return context.services.media.transcribe(modelCall(context, 'transcribe', 'AI_USE'), asked);
    },
  }),
  speak: t.field({
    type: SpeechType,
    description: 'Says a text aloud. A NO_PROVIDER error where no model of the workspace can. Needs AI_USE.',
    errors: { types: [...LIMITS, ProviderFailedError] },
    args: { input: t.arg({ type: SpeakInput, required: true, description: 'The text.' }) },
    resolve: (_root, { input }, context) => {
      const { text, voice, model } = input;
      const asked = { text, voice: voice ?? null, model: model ?? null };
      return context.services.media.speak(modelCall(context, 'speak', 'AI_USE'), asked);
    },
  }),
}));
