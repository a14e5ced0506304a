import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

type Fragments = GraphQLResolveInfo['fragments'];

/** A document is parsed once and run often. */
const known = new WeakMap<FieldNode, ReadonlySet<string>>();

/**
 * Names of the fields that a query asks of the items of a connection, whatever its directives say: at least all those that
 * will be resolved.
 */
export function fieldsOfItems({ fieldNodes, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const [first, ...others] = fieldNodes.map((node) => fieldsBelow(node, fragments));
  return first !== undefined && others.length === 0
    ? first
    : new Set([first ?? [], ...others].flatMap((one) => [...one]));
}

function fieldsBelow(connection: FieldNode, fragments: Fragments): ReadonlySet<string> {
  const found = known.get(connection);
  if (found !== undefined) return found;
  const inConnection = selected(connection.selectionSet, fragments);
  const inEdges = inConnection.filter(isNamed('edges')).flatMap((edges) => selected(edges.selectionSet, fragments));
  const items = [...inConnection.filter(isNamed('nodes')), ...inEdges.filter(isNamed('node'))];
  const names = items.flatMap((item) => selected(item.selectionSet, fragments)).map((field) => field.name.value);
  const fields = new Set(names);
  known.set(connection, fields);
  return fields;
}

const isNamed = (name: string) => (field: FieldNode) => field.name.value === name;

function selected(selectionSet: SelectionSetNode | undefined, fragments: Fragments): FieldNode[] {
  return (selectionSet?.selections ?? []).flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value];
    return selected(fragment?.selectionSet, fragments);
  });
}
