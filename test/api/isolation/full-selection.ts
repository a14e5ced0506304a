import {
  type GraphQLField,
  type GraphQLNamedType,
  getNamedType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';

/** Arguments of the fields that cannot be asked for without any, or would be too costly. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  'Agent.runs': '(first: 2)',
  'Collection.documents': '(first: 4)',
  'Conversation.messages': '(first: 2)',
  'Document.similar': '(first: 3, minSimilarity: 0)',
  'Theme.documents': '(first: 2)',
  'UsageReport.groups': '(by: [OPERATION, MODEL, OUTCOME, API_KEY])',
  'Workspace.apiKeys': '(first: 10)',
};

/**
 * A selection of everything that a type has, down to a depth, so that a field which is added to the schema is asked for
 * too. A type is not entered again below itself.
 * @throws where a field has required arguments that nobody wrote down here
 */
export function fullSelection(type: GraphQLNamedType, depth: number, above: readonly string[] = []): string {
  if (isLeafType(type)) return '';
  if (!isObjectType(type)) throw new Error(`${type.name} cannot be selected`);
  const path = [...above, type.name];
  const fields = Object.values(type.getFields()).map((field) => selectField(type.name, field, depth, path));
  return `{ __typename ${fields.join(' ')} }`;
}

function selectField(typeName: string, field: GraphQLField<unknown, unknown>, depth: number, path: readonly string[]) {
  const type = getNamedType(field.type);
  if (!isLeafType(type) && (depth === 0 || path.includes(type.name))) return '';
  const given = ARGUMENTS[`${typeName}.${field.name}`];
  if (given === undefined && field.args.some(isRequiredArgument)) {
    throw new Error(`${typeName}.${field.name} needs arguments: write them down in full-selection.ts`);
  }
  return `${field.name}${given ?? ''} ${fullSelection(type, depth - 1, path)}`;
}
