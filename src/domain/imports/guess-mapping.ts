import type { DocumentKind } from '../documents/document.ts';
import { readDate, usualDateOrder } from './dates.ts';
import type { ColumnField, Mapping } from './mapping.ts';

/** Names that columns have in common exports, normalised, the surest first: English, German, French, Spanish, Portuguese, Italian, Dutch, and a few of other scripts. */
const NAMES: Readonly<Record<ColumnField, readonly string[]>> = {
  title: [
    ...['title', 'subject', 'headline', 'summary', 'betreff', 'titel', 'überschrift', 'titre', 'sujet', 'objet'],
    ...['asunto', 'título', 'titulo', 'assunto', 'titolo', 'oggetto', 'onderwerp', 'ämne', 'тема', 'заголовок'],
    ...['标题', '主题', '件名', 'タイトル', '제목', 'topic', 'name'],
  ],
  text: [
    ...['text', 'body', 'content', 'message', 'messagetext', 'messagebody', 'description', 'feedback', 'review'],
    ...[
      'reviewtext',
      'reviewbody',
      'comment',
      'comments',
      'details',
      'verbatim',
      'answer',
      'response',
      'note',
      'notes',
    ],
    ...['question', 'post', 'transcript', 'utterance', 'longdescription', 'nachricht', 'beschreibung', 'inhalt'],
    ...[
      'kommentar',
      'bewertung',
      'rückmeldung',
      'texte',
      'contenu',
      'commentaire',
      'avis',
      'corps',
      'texto',
      'mensaje',
    ],
    ...['contenido', 'descripción', 'descripcion', 'comentario', 'opinión', 'mensagem', 'descrição', 'descricao'],
    ...[
      'comentário',
      'testo',
      'messaggio',
      'descrizione',
      'commento',
      'recensione',
      'bericht',
      'tekst',
      'omschrijving',
    ],
    ...[
      'opmerking',
      'текст',
      'сообщение',
      'описание',
      'комментарий',
      'отзыв',
      '内容',
      '正文',
      '评论',
      '本文',
      'コメント',
      '내용',
    ],
  ],
  externalId: [
    ...['externalid', 'id', 'key', 'uuid', 'guid', 'issuekey', 'issueid', 'ticketid', 'ticketnumber', 'ticket'],
    ...['messageid', 'reviewid', 'feedbackid', 'commentid', 'postid', 'responseid', 'recordid', 'documentid', 'caseid'],
    ...['casenumber', 'reference', 'ref', 'sha', 'nummer', 'vorgangsnummer', 'identifiant', 'numéro', 'identificador'],
    ...['código', 'codice', 'номер', '编号', '番号', 'number', 'no'],
  ],
  createdAt: [
    ...['createdat', 'created', 'createddate', 'creationdate', 'createdon', 'date', 'datetime', 'timestamp', 'time'],
    ...[
      'opened',
      'openedat',
      'submittedat',
      'postedat',
      'publishedat',
      'sentat',
      'receivedat',
      'submitted',
      'posted',
      'sent',
      'datecreated',
    ],
    ...['reviewdate', 'datum', 'erstellt', 'erstelltam', 'zeit', 'zeitpunkt', 'créé', 'crééle', 'fecha', 'creado'],
    ...['data', 'aangemaakt', 'дата', '日期', '时间', '日時', '작성일', 'ts'],
  ],
  conversation: [
    ...['conversation', 'conversationid', 'thread', 'threadid', 'threadts', 'chat', 'chatid', 'dialogue', 'dialogueid'],
    ...['session', 'sessionid', 'channel', 'gespräch', 'konversation', 'unterhaltung', 'fil', 'hilo', 'conversación'],
    ...['conversa', 'conversazione', 'gesprek', 'диалог', '会话', '对话'],
  ],
  author: [
    ...['author', 'from', 'sender', 'user', 'username', 'speaker', 'authorname', 'sendername', 'agent', 'customer'],
    ...['createdby', 'reporter', 'absender', 'autor', 'verfasser', 'auteur', 'expéditeur', 'remitente', 'remetente'],
    ...['mittente', 'autore', 'afzender', 'автор', 'отправитель', '作者', '发件人'],
  ],
};

const EXTERNAL_ID_MAX_CHARACTERS = 200;
const LABEL_MAX_CHARACTERS = 100;
/** Fewer unique values can be unique by chance. */
const MIN_UNIQUE_ROWS = 3;
/** What ids look like whatever their column is called. */
const UUID_OR_KEY = /^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[a-z]{1,12}[-_#]\d{1,12})$/i;
const NUMBER = /^[\s\d.,'%€$£¥+-]*$/;

interface Column {
  name: string;
  normalised: string;
  /** What is not blank in the first records. */
  values: string[];
  /** Whether all of the first records have a value. */
  isFull: boolean;
}

/** How a column's name is compared: `Created At`, `created_at` and `createdAt` are one. */
export function normaliseName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

/** Whether a column of this name holds metadata as it stands, where it holds objects. */
export function isMetadataName(name: string): boolean {
  return normaliseName(name) === 'metadata';
}

/**
 * Which column is which field, by the names of columns and by what is in the first records. A name alone is not enough
 * where the values say otherwise: ids have to differ from one another, dates to be dates.
 */
export function guessMapping(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  kind: DocumentKind,
): Omit<Mapping, 'documents' | 'header'> {
  const columns = names.map((name, i): Column => {
    const values = rows.map((row) => row[i]?.trim() ?? '').filter((value) => value !== '');
    return { name, normalised: normaliseName(name), values, isFull: rows.length > 0 && values.length === rows.length };
  });
  const guess = new Guess(columns);
  guess.take('createdAt', ({ values }) => isDates(values));
  guess.take('externalId', isIdentifying);
  guess.takeColumn('externalId', (column) => isIdentifying(column) && isByItself(column));
  if (kind === 'MESSAGE') {
    guess.take('conversation', () => true);
    guess.take('author', () => true);
  }
  // The extractor of the kind knows the names of its fields better than a guess does.
  const source = kind !== 'TEXT' && kind !== 'MESSAGE';
  if (!source) {
    guess.take('text', ({ values }) => values.length === 0 || !values.every((value) => NUMBER.test(value)));
    guess.takeLongest('text', isProse);
    guess.take('title', () => true);
  }
  const dates = columns.find(({ name }) => name === guess.fields.createdAt)?.values ?? [];
  return {
    ...guess.fields,
    metadata: guess.rest(source ? isLabel : () => true),
    source,
    dateOrder: usualDateOrder(dates),
  };
}

/** Columns that are given to fields, each to one. */
class Guess {
  readonly fields: Partial<Record<ColumnField, string>> = {};
  readonly #columns: readonly Column[];

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  /** The column with the surest name of those that fit. */
  take(field: ColumnField, fits: (column: Column) => boolean): void {
    for (const name of NAMES[field]) {
      const column = this.#free().find((each) => each.normalised === name && fits(each));
      if (column === undefined) continue;
      this.#give(field, column);
      return;
    }
  }

  takeColumn(field: ColumnField, fits: (column: Column) => boolean): void {
    this.#give(field, this.#free().find(fits));
  }

  takeLongest(field: ColumnField, fits: (column: Column) => boolean): void {
    const fitting = this.#free().filter(fits);
    this.#give(field, fitting.sort((left, right) => meanLength(right) - meanLength(left))[0]);
  }

  rest(fits: (column: Column) => boolean): string[] {
    return this.#free()
      .filter(fits)
      .map(({ name }) => name);
  }

  #give(field: ColumnField, column: Column | undefined): void {
    if (column !== undefined) this.fields[field] ??= column.name;
  }

  #free(): Column[] {
    const taken = Object.values(this.fields);
    return this.#columns.filter(({ name }) => !taken.includes(name));
  }
}

function isDates(values: readonly string[]): boolean {
  const order = usualDateOrder(values);
  return values.every((value) => readDate(value, order) !== null);
}

function isIdentifying({ values, isFull }: Column): boolean {
  if (values.length === 0) return true;
  return (
    isFull &&
    new Set(values).size === values.length &&
    values.every((value) => value.length <= EXTERNAL_ID_MAX_CHARACTERS)
  );
}

/** Whether values look like ids whatever their column is called: to take a price for an id would lose documents. */
function isByItself({ values }: Column): boolean {
  return values.length >= MIN_UNIQUE_ROWS && values.every((value) => UUID_OR_KEY.test(value));
}

function isProse({ values }: Column): boolean {
  return values.length > 0 && !values.every((value) => NUMBER.test(value)) && !isDates(values);
}

/** Whether a column is worth filtering by, where the source has it anyway. */
function isLabel({ name, values }: Column): boolean {
  return isMetadataName(name) || values.every((value) => value.length <= LABEL_MAX_CHARACTERS && !/^[[{]/.test(value));
}

function meanLength({ values }: Column): number {
  return values.reduce((sum, value) => sum + value.length, 0) / Math.max(1, values.length);
}
