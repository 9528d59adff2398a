import { fieldTable, id, text, time } from './fields.ts';
import { ApiRecord } from './record.ts';

const fields = fieldTable('Interaction', {
  objectType: text('objecttype'),
  event: text('event'),
  occurredAt: time('datetime'),
  profileId: id('profileid'),
  emailId: id('emailid'),
});

/** An action of a person, such as opening an e-mail. The API returns its fields under `metadata`. */
export class Interaction extends ApiRecord {
  static override readonly resource = 'interaction';
  static override readonly idNames = ['interactionid'];
  /** The API sorts by these times, but returns them under other names or not at all. */
  static override readonly sorts = { createdAt: 'created', updatedAt: 'updated' };
  static override readonly fields = fields;

  get interactionId(): string {
    return this.key.id;
  }

  get objectType(): string | null {
    return this.text(this.raw.objecttype, fields.objectType);
  }

  get event(): string | null {
    return this.text(this.raw.event, fields.event);
  }

  get occurredAt(): string | null {
    return this.time(this.raw.datetime, fields.occurredAt);
  }

  get profileId(): string | null {
    return this.text(this.raw.profileid, fields.profileId);
  }

  get emailId(): string | null {
    return this.text(this.raw.emailid, fields.emailId);
  }
}
