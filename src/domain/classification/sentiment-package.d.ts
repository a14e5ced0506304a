declare module 'sentiment' {
  /** Scores of words and emoji, about -5 to 5 each, and how a word's score changes by the words before it. */
  export interface SentimentLanguage {
    labels: Record<string, number>;
    scoringStrategy?: {
      apply(tokens: readonly string[], cursor: number, tokenScore: number): number;
    };
  }
  export interface SentimentAnalysis {
    readonly score: number;
    readonly tokens: readonly string[];
    /** One entry a scored word, last word first. */
    readonly calculation: readonly Readonly<Record<string, number>>[];
  }
  export default class Sentiment {
    /** Adds the package's emoji to the labels. */
    registerLanguage(code: string, language: SentimentLanguage): void;
    analyze(phrase: string, options?: { language?: string }): SentimentAnalysis;
  }
}

declare module 'sentiment/languages/en/labels.json' {
  const labels: Record<string, number>;
  export default labels;
}
