const LEAVING =
  /\b(?:cancel\w*|terminat\w*|switch(?:ing)? to|moving to|leav(?:e|ing) you|alternatives?|another supplier|competitors?|rival|refund|churn)\b/iu;

/** Whether a customer's words are of going elsewhere: what weighs more than any other complaint. */
export function speaksOfLeaving(text: string): boolean {
  return LEAVING.test(text);
}
