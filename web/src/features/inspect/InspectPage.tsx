import { PageHeader } from '../../components/PageHeader';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useRest } from '../../data/route';
import { useSummary } from '../../data/summary';
import { t } from '../../texts';
import { AgreementView } from './AgreementView';
import { DropView } from './DropView';
import { ListView } from './ListView';
import { LiveView } from './LiveView';
import { QueueView } from './QueueView';
import './inspect.css';

const PARTS = ['', 'live', 'queue', 'list', 'agreement'] as const;

/** Pictures to the model, the live feed, the review queue and all that was said. */
export default function InspectPage() {
  const { id } = useProject();
  const [[first = '', second = null]] = useRest();
  const summary = useSummary(id);
  const part = PARTS.find((name) => name === first) ?? '';
  const waiting = summary.data?.queue ?? 0;
  return (
    <div className="page inspect-page">
      <PageHeader title={t.nav.inspect}>
        <nav className="page-parts" aria-label={t.inspect.parts.label}>
          {PARTS.map((name) => (
            <a
              key={name}
              href={pageLink(id, 'inspect', name)}
              aria-current={name === part ? 'page' : undefined}
            >
              {t.inspect.parts[name]}
              {name === 'queue' && waiting > 0 && (
                <span className="count">
                  {waiting}
                  <span className="visually-hidden"> {t.inspect.waiting(waiting)}</span>
                </span>
              )}
            </a>
          ))}
        </nav>
      </PageHeader>
      {part === '' && <DropView />}
      {part === 'live' && <LiveView />}
      {part === 'queue' && <QueueView asked={second} />}
      {part === 'list' && <ListView asked={second} />}
      {part === 'agreement' && <AgreementView />}
    </div>
  );
}
