import type { Collection } from '../../domain/documents/document.ts';
import { builder } from '../builder.ts';

/** Apart from its fields, so that the types that it holds can refer to it. */
export const CollectionType = builder.objectRef<Collection>('Collection');
