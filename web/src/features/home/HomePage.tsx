/** The projects of who is signed in, and a new one. */

import { type FormEvent, useState } from 'react';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { Table } from '../../components/Table';
import { pageLink } from '../../data/links';
import { useCreateProject, useProjects } from '../../data/projects';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import './home.css';

export function HomePage() {
  const projects = useProjects();
  const mayCreate = useMay('engineer');
  const found = projects.data ?? [];
  return (
    <div className="page">
      <PageHeader title={t.home.title} />
      <div className="page-body">
        {projects.error && (
          <Problem error={projects.error} onRetry={() => void projects.refetch()} />
        )}
        {projects.data && found.length === 0 && (
          <EmptyState icon="template" title={t.home.emptyTitle} text={t.home.emptyText} />
        )}
        {mayCreate && projects.data && <NewProject />}
        {found.length > 0 && (
          <Table
            caption={t.home.title}
            isCaptionHidden
            columns={[
              {
                key: 'name',
                name: t.session.name,
                cell: (project) => (
                  <a href={pageLink(project.id, 'template')} aria-label={t.home.open(project.name)}>
                    {project.name}
                  </a>
                ),
              },
              {
                key: 'created',
                name: t.home.created,
                cell: (project) => t.common.date(project.created_s),
              },
              {
                key: 'archived',
                name: '',
                cell: (project) => (project.archived ? t.home.archived : ''),
              },
            ]}
            rows={found}
            rowKey={(project) => project.id}
          />
        )}
      </div>
    </div>
  );
}

function NewProject() {
  const [name, setName] = useState('');
  const create = useCreateProject();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const project = await create.mutateAsync(name).catch(() => null); // the page shows the error
    if (project) location.hash = pageLink(project.id, 'template');
  };
  return (
    <form className="new-project" onSubmit={submit}>
      <label>
        {t.home.name}
        <input
          required
          maxLength={120}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <Button type="submit" look="primary" disabled={create.isPending || name.trim() === ''}>
        {t.home.create}
      </Button>
      {create.error && <Problem error={create.error} />}
    </form>
  );
}
