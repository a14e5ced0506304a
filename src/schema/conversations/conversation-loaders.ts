import DataLoader from 'dataloader';
import type { Generation } from '../../domain/conversations/generation.ts';
import type { Message } from '../../domain/conversations/message.ts';
import type { GraphRequest } from '../request.ts';

/** Read anew each time: an answer is written while it is looked at. */
export interface ConversationLoaders {
  message: DataLoader<string, Message | null>;
  /** By the id of the message that the answer is. */
  generationOf: DataLoader<string, Generation | null>;
  generationText: DataLoader<Generation, string>;
}

const OPTIONS = { maxBatchSize: 500, cache: false };

export function conversationLoaders({ services, caller }: GraphRequest): ConversationLoaders {
  return {
    message: new DataLoader(async (ids) => {
      const found = new Map((await services.messages.find(caller, ids)).map((message) => [message.id, message]));
      return ids.map((id) => found.get(id) ?? null);
    }, OPTIONS),
    generationOf: new DataLoader(async (messageIds) => {
      const found = await services.generations.findOf(caller, messageIds);
      const byMessage = new Map(found.map((generation) => [generation.messageId, generation]));
      return messageIds.map((id) => byMessage.get(id) ?? null);
    }, OPTIONS),
    generationText: new DataLoader((generations) => services.generations.texts(caller, generations), OPTIONS),
  };
}
