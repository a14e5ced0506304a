import type { Database } from '../../../db/client.ts';
import { NotFoundError } from '../../../shared/errors.ts';
import { extractiveSummary } from '../../summaries/extractive-summary.ts';
import type { Conversation } from '../conversation.ts';
import { findConversations } from '../conversation-store.ts';
import type { Message } from '../message.ts';
import { findMessages, listMessages } from '../message-store.ts';

/** Messages that are looked at: those before them are in the summary. */
const HISTORY_MESSAGES = 200;
/** Of one message in an extractive summary. */
const SAID_CHARACTERS = 300;
const SUMMARY_CHARACTERS = 6_000;

/** A message with what was said before it. */
export interface ConversationContext {
  conversation: Conversation;
  question: Message;
  /** In the order of the conversation, without those that have no text. */
  history: readonly Message[];
}

/** @throws NotFoundError where the conversation was deleted meanwhile */
export async function readContext(
  database: Database,
  workspaceId: string,
  asked: { conversationId: string; messageId: string },
): Promise<ConversationContext> {
  return database.withWorkspace(workspaceId, async (scope) => {
    const [[conversation], [question]] = await Promise.all([
      findConversations(scope, [asked.conversationId]),
      findMessages(scope, [asked.messageId]),
    ]);
    if (conversation === undefined) throw new NotFoundError('conversation', asked.conversationId);
    if (question === undefined || question.conversationId !== conversation.id) {
      throw new NotFoundError('message', asked.messageId);
    }
    const page = { limit: HISTORY_MESSAGES, after: null, before: question.position, isFromEnd: true };
    const history = await listMessages(scope, conversation.id, page);
    return { conversation, question, history: history.filter(({ text }) => text.trim() !== '') };
  });
}

/** Messages that the stored summary does not cover and the window has no room for. */
export function unsummarised(
  { conversation, history }: ConversationContext,
  fitting: readonly { position: number }[],
): readonly Message[] {
  const firstSent = fitting[0]?.position ?? Number.POSITIVE_INFINITY;
  return history.filter(({ position }) => position > conversation.summaryPosition && position < firstSent);
}

/**
 * What is told of messages that are not sent: the stored summary, and the words of those that it does not cover yet. Null
 * where everything is sent.
 */
export function summaryFor(context: ConversationContext, fitting: readonly { position: number }[]): string | null {
  const { conversation, history } = context;
  const left = unsummarised(context, fitting);
  const isCovered = history.every(({ position }) => position >= (fitting[0]?.position ?? position + 1));
  if (isCovered && conversation.summary === null) return null;
  const said = left.map(({ role, text }) => {
    const words = extractiveSummary(null, text)?.slice(0, SAID_CHARACTERS).toWellFormed() ?? '';
    return `${role === 'USER' ? 'The user' : 'You'} said: ${words}`;
  });
  const parts = [conversation.summary ?? '', ...said].filter((part) => part !== '');
  return parts.length === 0 ? null : parts.join('\n').slice(-SUMMARY_CHARACTERS).toWellFormed();
}
