import type { Agent } from '../../domain/agents/agent.ts';
import { builder } from '../builder.ts';

export const AgentNode = builder.objectRef<Agent>('Agent');
