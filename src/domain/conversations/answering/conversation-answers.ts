import type { Database } from '../../../db/client.ts';
import type { ChatMessage, ContentPart } from '../../../plugins/contract.ts';
import { authorize } from '../../access/caller.ts';
import { detectLanguage } from '../../documents/language.ts';
import type { GenerationInput } from '../../gateway/generation.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelCatalog } from '../../gateway/model-catalog.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import type { AnswerMaker, AnswerPart, AnswerQuestion, ExpectedQuestion } from '../answer.ts';
import type { Message } from '../message.ts';
import { storeLanguage } from '../message-store.ts';
import { answeringModel, EXPECTED_PICTURE, type ModelFinding } from './answer-model.ts';
import { chatPrompt } from './chat-prompt.ts';
import { CitedStream } from './cited-stream.ts';
import { type ConversationContext, readContext, summaryFor } from './conversation-context.ts';
import {
  chatMessages,
  countFitting,
  fittingTurns,
  inputTokensOf,
  type TokenMeasure,
  tokenMeasure,
} from './history-window.ts';
import { spokenLanguage } from './languages.ts';
import { LocalAnswerer } from './local-answerer.ts';
import type { Passage } from './passage.ts';
import type { FoundPassages, PassageFinder } from './passage-finder.ts';
import { markPassages } from './passages-prompt.ts';
import type { PictureRoom } from './picture-room.ts';
import { readQuestion } from './question.ts';
import type { WritingModel } from './writing-model.ts';
import { bytesOf, completionOf, pictureParts, writtenParts } from './written-answer.ts';

/** A message with fewer telling words goes on from the one before it: "and in Leeds?" */
const TELLING_WORDS = 4;
/** What passages may take of a window: the conversation needs room too. */
const PASSAGES_SHARE = 0.5;
/** Stands for the system prompt, the passages' marks and titles, and a summary, when it is told whether anything must be counted. */
const PROMPT_ALLOWANCE = ' '.repeat(12_000);
const NOTHING_FOUND: FoundPassages = { passages: [], strength: 0 };
const NO_COST = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, costUsd: '0' };

/** A question with all that is known before a model is asked. */
interface Prepared {
  call: ModelCall;
  asked: AnswerQuestion;
  context: ConversationContext;
  language: string | null;
  found: FoundPassages;
}

/**
 * Answers messages of conversations: with what was said before, as far as it fits the model's window, and with passages
 * of the workspace's documents, cited.
 */
export class ConversationAnswers implements AnswerMaker {
  readonly #database: Database;
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;
  readonly #finding: ModelFinding;
  readonly #passages: PassageFinder;
  readonly #pictures: PictureRoom;
  readonly #bySentences: LocalAnswerer;

  constructor(parts: {
    database: Database;
    gateway: ModelGateway;
    catalog: ModelCatalog;
    passages: PassageFinder;
    pictures: PictureRoom;
  }) {
    this.#database = parts.database;
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
    this.#finding = { catalog: parts.catalog, router: parts.gateway.router };
    this.#passages = parts.passages;
    this.#pictures = parts.pictures;
    this.#bySentences = new LocalAnswerer(parts.gateway);
  }

  async check(call: ModelCall, expected: ExpectedQuestion): Promise<void> {
    const { workspace } = authorize(call.caller, 'AI_USE');
    const writer = await answeringModel(this.#finding, workspace.id, expected);
    const { text, maxTokens, pictures } = expected;
    const shown = Array.from({ length: pictures }, () => EXPECTED_PICTURE);
    await this.#gateway.check(call, {
      model: writer?.model ?? null,
      request: {
        messages: [{ role: 'user', parts: [{ kind: 'text', text }, ...shown] }],
        ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
      },
    });
  }

  answer(call: ModelCall, asked: AnswerQuestion): AsyncGenerator<AnswerPart, void> {
    const { workspace } = authorize(call.caller, 'AI_USE');
    const size = { workspaceId: workspace.id, bytes: bytesOf(asked.attachments), signal: call.signal };
    return this.#pictures.during(size, () => this.#answer(call, asked));
  }

  async *#answer(call: ModelCall, asked: AnswerQuestion): AsyncGenerator<AnswerPart, void> {
    const { workspace } = call.caller;
    const about = { ...call, aboutId: asked.conversationId };
    const [context, writer] = await Promise.all([
      readContext(this.#database, workspace.id, asked),
      answeringModel(this.#finding, workspace.id, { ...asked, pictures: asked.attachments.length }),
    ]);
    const language = await this.#languageOf(workspace.id, context);
    const found = asked.retrieval
      ? await this.#passages.find(about, searchedFor(context), asked.filter)
      : NOTHING_FOUND;
    call.signal.throwIfAborted();
    const prepared = { call: about, asked, context, language, found };
    yield* writer === null ? this.#fromDocuments(prepared) : this.#written(prepared, writer);
  }

  /** Of the question; where that is too short to tell, of the conversation. */
  async #languageOf(workspaceId: string, { question, history }: ConversationContext): Promise<string | null> {
    if (question.language !== null) return question.language;
    const own = await detectLanguage(question.text);
    if (own === null)
      return history.findLast(({ role, language }) => role === 'USER' && language !== null)?.language ?? null;
    await this.#database.withWorkspace(workspaceId, (scope) => storeLanguage(scope, question.id, own));
    return own;
  }

  async *#fromDocuments({ call, context, language, found }: Prepared): AsyncGenerator<AnswerPart, void> {
    const answer = await this.#bySentences.answer(call, context.question.text, found);
    const { text, citations, model } = answer;
    yield { kind: 'started', model };
    // Statement by statement, as it is put together.
    for (const piece of text.split(/(?<=\[\d+\] )/)) yield { kind: 'text', text: piece };
    yield { kind: 'completed', text, model, language, citations, usage: NO_COST, attempts: [] };
  }

  async *#written(prepared: Prepared, writer: WritingModel): AsyncGenerator<AnswerPart, void> {
    const { call, language } = prepared;
    const { input, passages } = await this.#inputOf(prepared, writer);
    let cited = new CitedStream(passages);
    for await (const part of writtenParts(this.#gateway, call, input, writer)) {
      if (part.kind === 'started') yield part;
      if (part.kind === 'restarted') {
        cited = new CitedStream(passages);
        yield part;
      }
      if (part.kind === 'text') {
        const text = cited.push(part.text);
        if (text !== '') yield { kind: 'text', text };
      }
      if (part.kind !== 'completed') continue;
      const rest = cited.flush();
      if (rest !== '') yield { kind: 'text', text: rest };
      yield completionOf(part.answer, { text: cited.text, language, citations: cited.citations });
    }
  }

  async #inputOf(
    { call, asked, context, language, found }: Prepared,
    { model, named }: WritingModel,
  ): Promise<{ input: GenerationInput; passages: readonly Passage[] }> {
    const { conversation, question, history } = context;
    const { settings } = await this.#catalog.directory.of(call.caller.workspace.id);
    const chosenMax = settings.models.chat?.parameters.maxOutputTokens;
    const maxTokens = asked.maxTokens ?? (typeof chosenMax === 'number' ? chosenMax : undefined);
    const windowTokens = inputTokensOf(model.info.contextTokens, maxTokens);
    const sent = [...found.passages, ...history, question].map(({ text }) => text);
    const measure = tokenMeasure([...sent, PROMPT_ALLOWANCE], windowTokens);
    const own = await measure(question.text);
    const room = Math.min(windowTokens * PASSAGES_SHARE, windowTokens - own);
    const passages = await fittingPassages(found.passages, room, measure);
    const marked = passages.length === 0 ? null : markPassages([conversation.id, question.text], passages);
    const promptOf = (summary: string | null) =>
      chatPrompt(
        {
          ...{ persona: conversation.persona, preferences: settings.preferences, summary },
          language: language === null ? null : spokenLanguage(language),
        },
        marked,
      );
    const taken = own + (await measure(promptOf(null))) + (marked === null ? 0 : await measure(marked.text));
    const fitting = await fittingTurns(history, windowTokens - taken, measure);
    const parts = await this.#partsOfQuestion(call, asked, question, marked?.text ?? null);
    const messages: ChatMessage[] = [
      { role: 'system', text: promptOf(summaryFor(context, fitting)) },
      ...withLast(chatMessages(fitting), parts),
    ];
    return {
      passages,
      input: {
        ...{ work: 'chat', messages, documentIds: [...new Set(passages.map(({ documentId }) => documentId))] },
        ...(named === undefined ? {} : { model: named }),
        ...(asked.temperature === undefined ? {} : { temperature: asked.temperature }),
        ...(asked.maxTokens === undefined ? {} : { maxOutputTokens: asked.maxTokens }),
      },
    };
  }

  async #partsOfQuestion(
    call: ModelCall,
    { attachments }: AnswerQuestion,
    { text }: Message,
    passages: string | null,
  ): Promise<ContentPart[]> {
    const said = passages === null ? text : `${passages}\n\nThe message:\n${text}`;
    const parts: ContentPart[] = [{ kind: 'text', text: said }];
    parts.push(...(await pictureParts(this.#database, call.caller.workspace.id, attachments)));
    return parts;
  }
}

/** What is looked for: a message that says little by itself is looked for with the one before it. */
function searchedFor({ question, history }: ConversationContext): string {
  if (readQuestion(question.text).terms.size >= TELLING_WORDS) return question.text;
  const before = history.findLast(({ role }) => role === 'USER');
  return before === undefined ? question.text : `${question.text}\n${before.text}`;
}

/** The best of them that fit. */
async function fittingPassages(
  passages: readonly Passage[],
  tokens: number,
  measure: TokenMeasure,
): Promise<readonly Passage[]> {
  const texts = passages.map(({ text, title }) => `${title ?? ''}\n${text}`);
  return passages.slice(0, await countFitting(texts.toReversed(), tokens, measure));
}

/** The question behind what was said before; nobody speaks twice in a row. */
function withLast(messages: ChatMessage[], parts: ContentPart[]): ChatMessage[] {
  const last = messages.at(-1);
  if (last?.role !== 'user') return [...messages, { role: 'user', parts }];
  return [...messages.slice(0, -1), { role: 'user', parts: [...last.parts, { kind: 'text', text: '\n\n' }, ...parts] }];
}
