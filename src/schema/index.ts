import './scalars.ts';
import './errors.ts';
import './node.ts';
import './access/access.ts';
import './workspaces/workspaces.ts';
import './documents/documents.ts';
import './documents/collections.ts';
import './documents/document-mutations.ts';
import './search/search.ts';
import './classification/taxonomies.ts';
import './jobs/jobs.ts';
import './providers/providers.ts';
import './providers/plugin-mutations.ts';
import './usage/usage.ts';
import { builder } from './builder.ts';

export const schema = builder.toSchema();
