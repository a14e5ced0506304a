import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import type { Extracted } from './extracted.ts';
import { Fields, listOf, unwrap } from './json.ts';
import { distinct, inlineValue, labelled, layOut, longValue, personName } from './values.ts';

/** A chat message: Slack, Discord, Teams, a conversation's export, or flat. */
export function extractMessage(source: JsonObject): Extracted {
  const fields = unwrap(source, 'event', 'message', 'data', 'post');
  const title = inlineValue(fields.first('subject', 'title', 'topic')) || null;
  const author = personName(
    fields.first(
      'author',
      'authorname',
      'userprofile',
      'user',
      'username',
      'sender',
      'sendername',
      'from',
      'fromname',
      'realname',
    ),
  );
  const channel = inlineValue(
    fields.first('channelname', 'channel', 'room', 'roomname', 'conversation', 'thread', 'channelid'),
  );
  const text = layOut(title ?? '', [labelled('Author', author), labelled('Channel', channel)], body(fields));
  return { title, text };
}

function body(fields: Fields): string {
  const own = chatText(fields.first('text', 'content', 'body', 'message', 'msg', 'messagetext'));
  const attached = listOf(fields.first('attachments', 'embeds'))
    .filter(isJsonObject)
    .flatMap((attachment) =>
      new Fields(attachment).all('pretext', 'title', 'text', 'description', 'fallback').slice(0, 3).map(chatText),
    );
  return distinct([own, ...attached]).join('\n\n');
}

function chatText(value: JsonValue | undefined): string {
  return longValue(typeof value === 'string' ? slackReferences(value) : value);
}

/** Slack's `<url|label>`, `<@U1|name>`, `<#C1|channel>` and `<!here>`; an id without a name says nothing to a reader. */
function slackReferences(text: string): string {
  return text
    .replace(/<(?:https?:|mailto:)[^|>\s]{1,2000}\|([^>\n]{1,500})>/g, '$1')
    .replace(/<([@#])[A-Z\d]{1,20}\|([^>\n]{1,200})>/g, '$1$2')
    .replace(/<([@#])[A-Z\d]{1,20}>/g, '')
    .replace(/<!(here|channel|everyone)(?:\|[^>]{0,100})?>/g, '@$1')
    .replace(/<!(?:date|subteam)\^[^|>]{1,200}\|([^>\n]{1,200})>/g, '$1');
}
