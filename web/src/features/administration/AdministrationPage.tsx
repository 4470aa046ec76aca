/** People, projects, tokens, room on the disk and the audit log. */

import { EmptyState } from '../../components/EmptyState';
import { PageHeader } from '../../components/PageHeader';
import { type Tab, Tabs } from '../../components/Tabs';
import { useRest } from '../../data/route';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { AuditTab } from './AuditTab';
import { MembersTab } from './MembersTab';
import { StorageTab } from './StorageTab';
import { TokensTab } from './TokensTab';
import { UsersTab } from './UsersTab';
import './administration.css';

const names = t.administration.tabs;

export default function AdministrationPage() {
  const mayAdminister = useMay('administer');
  const mayAudit = useMay('quality');
  const [[open], go] = useRest();
  const audit: Tab = { key: 'audit', name: names.audit, content: <AuditTab /> };
  const tabs: readonly Tab[] = mayAdminister
    ? [
        { key: 'users', name: names.users, content: <UsersTab /> },
        { key: 'members', name: names.members, content: <MembersTab /> },
        { key: 'tokens', name: names.tokens, content: <TokensTab /> },
        { key: 'storage', name: names.storage, content: <StorageTab /> },
        audit,
      ]
    : [audit];
  return (
    <div className="page">
      <PageHeader title={t.nav.administration} />
      {mayAudit ? (
        <Tabs label={names.label} tabs={tabs} open={open} onOpen={go} />
      ) : (
        <EmptyState
          icon="administration"
          title={t.nav.administration}
          text={t.administration.notAllowed}
        >
          <a className="button button-primary" href="#/">
            {t.app.allProjects}
          </a>
        </EmptyState>
      )}
    </div>
  );
}
