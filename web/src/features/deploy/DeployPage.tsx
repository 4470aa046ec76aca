import { useState } from 'react';
import type { ModelOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useApprove } from '../../data/approval';
import { isOpen, useJobs } from '../../data/jobs';
import { pageLink } from '../../data/links';
import { useModels } from '../../data/models';
import { useProject } from '../../data/projects';
import { useMay } from '../../data/session';
import { errorText, t } from '../../texts';
import { ApproveDialog } from './ApproveDialog';
import { type Shelf, shelfOf } from './approval';
import { CallSection } from './CallSection';
import { ModelRow } from './ModelRow';
import { Signatures } from './Signatures';
import { Tokens } from './Tokens';
import './deploy.css';

/** Which model inspects, which could, and how a machine calls it. */
export default function DeployPage() {
  const { id } = useProject();
  const models = useModels();
  const jobs = useJobs(); // a training that ends brings its model here
  const isTraining = jobs.data?.some((job) => job.kind === 'fit' && isOpen(job)) ?? false;
  const mayEngineer = useMay('engineer');
  const texts = t.deploy;
  const found = models.data ?? [];
  return (
    <div className="page">
      <PageHeader title={t.nav.deploy} />
      {models.error && <Problem error={models.error} onRetry={() => void models.refetch()} />}
      {models.data && found.length === 0 && (
        <EmptyState
          icon="deploy"
          title={texts.empty.title}
          text={isTraining ? texts.empty.training : texts.empty.text}
        >
          <a className="button button-primary" href={pageLink(id, 'train')}>
            {texts.empty.action}
          </a>
        </EmptyState>
      )}
      {found.length > 0 && (
        <div className="page-body deploy">
          {!mayEngineer && <p className="field-hint">{texts.mayNot}</p>}
          <Models models={found} mayApprove={mayEngineer} />
          <CallSection />
          {mayEngineer && <Tokens />}
        </div>
      )}
    </div>
  );
}

type ModelsProps = { readonly models: readonly ModelOut[]; readonly mayApprove: boolean };

function Models({ models, mayApprove }: ModelsProps) {
  const { id } = useProject();
  const shelf = shelfOf(models);
  const [asked, setAsked] = useState<ModelOut | null>(null);
  const texts = t.deploy;
  return (
    <>
      <section className="deploy-part" aria-labelledby="in-use-title">
        <header>
          <h2 id="in-use-title">{texts.inUse}</h2>
          {!shelf.inUse && <p>{texts.noneInUse}</p>}
        </header>
        {shelf.inUse && (
          <>
            <ModelRow model={shelf.inUse} models={models} />
            <Signatures model={shelf.inUse} />
          </>
        )}
      </section>
      <section className="deploy-part" aria-labelledby="candidates-title">
        <header>
          <h2 id="candidates-title">{texts.candidates}</h2>
          {shelf.inUse && shelf.candidates.length > 0 && <p>{texts.candidatesText}</p>}
        </header>
        {shelf.candidates.length === 0 && (
          <p>
            {texts.none} <a href={pageLink(id, 'train')}>{texts.train}</a>
          </p>
        )}
        {shelf.candidates.map((model) => (
          <ModelRow key={model.id} model={model} models={models}>
            {mayApprove && <ApproveButton model={model} shelf={shelf} onAsk={setAsked} />}
          </ModelRow>
        ))}
      </section>
      {shelf.earlier.length > 0 && (
        <section className="deploy-part" aria-labelledby="earlier-title">
          <header>
            <h2 id="earlier-title">{texts.earlier}</h2>
            <p>{texts.earlierText}</p>
          </header>
          {shelf.earlier.map((model) => (
            <ModelRow key={model.id} model={model} models={models} isBrief>
              {mayApprove && <Button onClick={() => setAsked(model)}>{texts.rollBack}</Button>}
            </ModelRow>
          ))}
        </section>
      )}
      {asked && shelf.inUse && (
        <ApproveDialog model={asked} inUse={shelf.inUse} onClose={() => setAsked(null)} />
      )}
    </>
  );
}

type ApproveButtonProps = {
  readonly model: ModelOut;
  readonly shelf: Shelf;
  readonly onAsk: (model: ModelOut) => void;
};

/** The very first model has nothing to be compared with: one click. */
function ApproveButton({ model, shelf, onAsk }: ApproveButtonProps) {
  const notify = useNotify();
  const approve = useApprove();
  const first = () =>
    approve.mutate(
      { modelId: model.id, why: '' },
      {
        onSuccess: () => notify(t.deploy.approved(model.number), 'good'),
        onError: (error) => notify(errorText(error), 'bad'),
      },
    );
  const isFirstChoice = model === shelf.candidates[0];
  return (
    <Button
      look={isFirstChoice ? 'primary' : 'plain'}
      disabled={approve.isPending}
      aria-label={t.deploy.approveFirst(model.number)}
      onClick={() => (shelf.inUse ? onAsk(model) : first())}
    >
      {t.deploy.approve}
    </Button>
  );
}
