/** Who sees which project. */

import { useState } from 'react';
import type { ProjectOut, UserOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { ChoiceField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { Table } from '../../components/Table';
import { useNotify } from '../../components/Toasts';
import { useMembers, useSetMember, useUsers } from '../../data/people';
import { errorText, t } from '../../texts';
import { ProjectChoice } from './ProjectChoice';

const texts = t.administration.members;

export function MembersTab() {
  return (
    <div className="tab-body tab-narrow">
      <ProjectChoice>{(project) => <Members key={project.id} project={project} />}</ProjectChoice>
    </div>
  );
}

function Members({ project }: { readonly project: ProjectOut }) {
  const members = useMembers(project.id);
  const set = useSetMember(project.id);
  const notify = useNotify();
  const found = members.data ?? [];
  const remove = (user: UserOut) =>
    set.mutate(
      { userId: user.id, isMember: false },
      {
        onSuccess: () => notify(texts.removed(user.name)),
        onError: (error) => notify(errorText(error), 'bad'),
      },
    );
  return (
    <>
      <p className="tab-about">{texts.about}</p>
      {members.error && <Problem error={members.error} onRetry={() => void members.refetch()} />}
      {members.data && found.length === 0 && <p>{texts.nobody}</p>}
      {found.length > 0 && (
        <Table
          caption={texts.caption(project.name)}
          columns={[
            { key: 'name', name: texts.person, cell: (user) => user.name },
            {
              key: 'role',
              name: t.administration.users.role,
              cell: (user) => t.session.roles[user.role],
            },
            {
              key: 'actions',
              name: t.administration.users.actions,
              cell: (user) => (
                <span className="row-actions">
                  <Button
                    look="quiet"
                    aria-label={texts.remove(user.name)}
                    onClick={() => remove(user)}
                  >
                    {t.common.remove}
                  </Button>
                </span>
              ),
            },
          ]}
          rows={found}
          rowKey={(user) => user.id}
        />
      )}
      {members.data && <AddMember projectId={project.id} members={found} />}
    </>
  );
}

type AddMemberProps = { readonly projectId: string; readonly members: readonly UserOut[] };

function AddMember({ projectId, members }: AddMemberProps) {
  const users = useUsers();
  const set = useSetMember(projectId);
  const [wanted, setWanted] = useState('');
  const known = new Set(members.map((member) => member.id));
  const others = (users.data ?? []).filter((user) => user.active && !known.has(user.id));
  const chosen = others.find((user) => user.id === wanted) ?? others[0];
  if (users.data && !chosen) return <p className="field-hint">{texts.everybody}</p>;
  if (!chosen) return null;
  return (
    <div className="add-row">
      <ChoiceField
        label={texts.add}
        value={chosen.id}
        options={others.map((user) => user.id)}
        names={Object.fromEntries(
          others.map((user) => [user.id, `${user.name} (${t.session.roles[user.role]})`]),
        )}
        onChange={setWanted}
      />
      <Button
        disabled={set.isPending}
        onClick={() => set.mutate({ userId: chosen.id, isMember: true })}
      >
        {texts.addAction}
      </Button>
      {set.error && <Problem error={set.error} />}
    </div>
  );
}
