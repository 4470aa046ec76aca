import { Component, type ReactNode } from 'react';
import { Button } from '../components/Button';
import { EmptyState } from '../components/EmptyState';
import { t } from '../texts';

type GuardProps = { readonly children: ReactNode };

/**
 * Keeps the rest of the studio when one page cannot be shown. Parts of the studio are loaded when
 * they are first opened: after an update of the server, or while the network is away, that fails.
 */
export class Guard extends Component<GuardProps, { readonly hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <div className="page" role="alert">
        <EmptyState icon="question" title={t.app.broken.title} text={t.app.broken.text}>
          <Button look="primary" onClick={() => location.reload()}>
            {t.app.broken.action}
          </Button>
        </EmptyState>
      </div>
    );
  }
}
