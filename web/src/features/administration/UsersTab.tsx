/** People: who may sign in, and as what. */

import { useState } from 'react';
import type { UserOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Problem } from '../../components/Problem';
import { Table } from '../../components/Table';
import { useNotify } from '../../components/Toasts';
import { useChangeUser, useUsers } from '../../data/people';
import { ROLES, type Role, useSession } from '../../data/session';
import { errorText, t } from '../../texts';
import { NewPassword, NewUser } from './UserForms';

const texts = t.administration.users;

export function UsersTab() {
  const users = useUsers();
  const { data: me } = useSession();
  const [isAdding, setIsAdding] = useState(false);
  const [renewed, setRenewed] = useState<UserOut | null>(null);
  return (
    <div className="tab-body">
      <div className="tab-actions">
        <Button look="primary" onClick={() => setIsAdding(true)}>
          {texts.add}
        </Button>
      </div>
      {users.error && <Problem error={users.error} onRetry={() => void users.refetch()} />}
      {users.data && (
        <Table
          caption={texts.caption}
          isCaptionHidden
          columns={[
            { key: 'name', name: texts.name, cell: (user) => user.name },
            {
              key: 'role',
              name: texts.role,
              cell: (user) => <RoleCell user={user} isMe={user.id === me?.id} />,
            },
            {
              key: 'state',
              name: texts.state,
              cell: (user) => (user.active ? texts.active : texts.inactive),
            },
            { key: 'since', name: texts.since, cell: (user) => t.common.date(user.created_s) },
            {
              key: 'actions',
              name: texts.actions,
              cell: (user) =>
                user.id === me?.id ? (
                  <span className="field-hint">{texts.you}</span>
                ) : (
                  <Actions user={user} onNewPassword={() => setRenewed(user)} />
                ),
            },
          ]}
          rows={users.data}
          rowKey={(user) => user.id}
        />
      )}
      {isAdding && <NewUser onClose={() => setIsAdding(false)} />}
      {renewed && <NewPassword user={renewed} onClose={() => setRenewed(null)} />}
    </div>
  );
}

function useChange(user: UserOut) {
  const change = useChangeUser();
  const notify = useNotify();
  return (what: { role?: Role; active?: boolean }) =>
    change.mutate(
      { id: user.id, ...what },
      {
        onSuccess: () => notify(texts.changed(user.name)),
        onError: (error) => notify(errorText(error), 'bad'),
      },
    );
}

function RoleCell({ user, isMe }: { readonly user: UserOut; readonly isMe: boolean }) {
  const change = useChange(user);
  if (isMe) return t.session.roles[user.role];
  return (
    <select
      aria-label={texts.roleOf(user.name)}
      value={user.role}
      onChange={(event) => change({ role: event.target.value as Role })}
    >
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {t.session.roles[role]}
        </option>
      ))}
    </select>
  );
}

type ActionsProps = { readonly user: UserOut; readonly onNewPassword: () => void };

function Actions({ user, onNewPassword }: ActionsProps) {
  const change = useChange(user);
  return (
    <span className="row-actions">
      <Button look="quiet" aria-label={texts.newPasswordOf(user.name)} onClick={onNewPassword}>
        {texts.newPassword}
      </Button>
      <Button
        look="quiet"
        aria-label={user.active ? texts.deactivateOf(user.name) : texts.activateOf(user.name)}
        onClick={() => change({ active: !user.active })}
      >
        {user.active ? texts.deactivate : texts.activate}
      </Button>
    </span>
  );
}
