/** Who is signed in: the own account, and the way out. */

import { useState } from 'react';
import { Icon } from '../components/Icon';
import { useSession, useSignOut } from '../data/session';
import { AccountDialog } from '../features/home/AccountDialog';
import { t } from '../texts';

export function Person() {
  const { data: me } = useSession();
  const signOut = useSignOut();
  const [isOpen, setIsOpen] = useState(false);
  if (!me) return null;
  return (
    <>
      <div className="person">
        <button
          type="button"
          className="person-name"
          title={t.session.account}
          onClick={() => setIsOpen(true)}
        >
          <Icon name="person" />
          <p>
            <span className="visually-hidden">{t.session.account}</span>
            <strong>{me.name}</strong> <span>{t.session.roles[me.role]}</span>
          </p>
        </button>
        <button type="button" title={t.session.signOut} onClick={() => signOut.mutate()}>
          <Icon name="leave" />
          <span>{t.session.signOut}</span>
        </button>
      </div>
      {isOpen && <AccountDialog name={me.name} onClose={() => setIsOpen(false)} />}
    </>
  );
}
