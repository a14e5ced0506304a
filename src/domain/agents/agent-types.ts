import type { AgentType, AgentTypeDefinition } from './agent-type.ts';
import { dashboardInsights } from './types/dashboard-insights/agent.ts';
import { opportunity } from './types/opportunity/agent.ts';
import { questionAnswering } from './types/question-answering/agent.ts';
import { relationship } from './types/relationship/agent.ts';
import { research } from './types/research/agent.ts';
import { scoring } from './types/scoring/agent.ts';
import { scout } from './types/scout/agent.ts';
import { writer } from './types/writer/agent.ts';

/** Every kind of agent that this product has: adding one here is all it takes to have it offered and run. */
const DEFINITIONS: readonly AgentTypeDefinition[] = [
  dashboardInsights,
  opportunity,
  questionAnswering,
  relationship,
  research,
  scoring,
  scout,
  writer,
];

const BY_TYPE = new Map<AgentType, AgentTypeDefinition>(DEFINITIONS.map((definition) => [definition.type, definition]));

export function agentTypes(): readonly AgentTypeDefinition[] {
  return DEFINITIONS;
}

/** Null: this version has no such kind of agent. */
export function findAgentType(type: AgentType): AgentTypeDefinition | null {
  return BY_TYPE.get(type) ?? null;
}
