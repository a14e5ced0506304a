import { builder } from './builder.ts';

export const DeletedType = builder.objectRef<{ count: number }>('Deleted').implement({
  description: 'What was deleted.',
  fields: (t) => ({ count: t.exposeInt('count', { description: 'How many there were.' }) }),
});
