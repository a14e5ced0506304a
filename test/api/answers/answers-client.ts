import type { WorkspaceClient } from '../workspace-client.ts';

export interface AskedAnswer {
  text: string;
  confidence: number;
  model: string;
  followUpQuestions: string[];
  citations: { number: number; quote: string; similarity: number; document: { id: string; text: string } }[];
}

export const ASK = /* GraphQL */ `
  query Ask($question: String!, $filter: DocumentFilter) {
    ask(question: $question, filter: $filter) {
      text
      confidence
      model
      followUpQuestions
      citations { number quote similarity document { id text } }
    }
  }
`;

export async function ask(workspace: WorkspaceClient, question: string, filter?: object): Promise<AskedAnswer> {
  const { ask: answer } = await workspace.read<{ ask: AskedAnswer }>(ASK, { question, filter });
  return answer;
}
