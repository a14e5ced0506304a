import type { CallerWorkspace } from '../../domain/access/caller.ts';
import { builder } from '../builder.ts';

/** Apart from its fields, so that the types that it holds can refer to it. */
export const WorkspaceType = builder.objectRef<CallerWorkspace>('Workspace');
