/** The values of an enum type from a table of their descriptions, so that no value goes without one. */
export function describedValues<Value extends string>(
  descriptions: Readonly<Record<Value, string>>,
): Record<Value, { description: string }> {
  const entries = Object.entries(descriptions) as [Value, string][];
  return Object.fromEntries(entries.map(([value, description]) => [value, { description }])) as Record<
    Value,
    { description: string }
  >;
}
