import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { Router } from '../gateway/router.ts';
import type { ModelWork } from '../integrations/integration.ts';

/** The model that writes for a workspace's agents. */
export interface AgentsWriter {
  /** `<integration>/<model>` */
  readonly id: string;
  /** By whose choice its fallbacks and parameters are found. */
  readonly work: ModelWork;
  /** Its id, where it has to be named; a choice is found by itself. */
  readonly named: string | undefined;
  /** Whether it can be given tools. */
  readonly callsTools: boolean;
}

/**
 * What writes for a workspace's agents: its choice for agents, else its choice for chat, else the first model that can.
 * Null: nothing here writes.
 * @throws NoProviderError where the chosen model is not there, or cannot write
 */
export async function agentsWriter(
  catalog: ModelCatalog,
  router: Router,
  workspaceId: string,
): Promise<AgentsWriter | null> {
  const { settings } = await catalog.directory.of(workspaceId);
  const work = (['agents', 'chat'] as const).find((each) => settings.models[each] !== undefined);
  if (work === undefined) {
    const first = await router.defaultModel(workspaceId, ['GENERATE']);
    if (first === null) return null;
    return { id: first.id, work: 'agents', named: first.id, callsTools: first.info.capabilities.includes('TOOLS') };
  }
  const asked = { workspaceId, model: undefined, work, fallbacks: [] };
  const { first } = await router.route({ ...asked, capabilities: ['GENERATE'] });
  return { id: first.id, work, named: undefined, callsTools: first.info.capabilities.includes('TOOLS') };
}
