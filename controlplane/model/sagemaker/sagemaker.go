// Package sagemaker speaks to a model in a tenant's own SageMaker endpoint. What goes in and comes out is the container's
// business; the usual ones (vLLM, TGI, DJL) speak OpenAI's chat completions, so that is what is spoken, inside of
// InvokeEndpointWithResponseStream.
package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime/types"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/openai"
	"github.com/kubechat/kubechat/controlplane/model/signing"
)

// Config is one endpoint in one region.
type Config struct {
	signing.Config
	Endpoint string // its name
	Model    string // as its container calls the model; empty: the endpoint's name
}

// Client asks one endpoint.
type Client struct{ inner *openai.Client }

var _ model.Streamer = (*Client)(nil)

// New makes a Client; it asks AWS nothing yet.
func New(ctx context.Context, c Config) (*Client, error) {
	cfg, token, err := signing.AWS(ctx, c.Config)
	if err != nil {
		return nil, err
	}
	if token != "" {
		return nil, errors.New("sagemaker: the key has to be ACCESSKEYID:SECRET")
	}
	if c.Model == "" {
		c.Model = c.Endpoint
	}
	t := &transport{cfg: c, client: sagemakerruntime.NewFromConfig(cfg)}
	return &Client{inner: openai.New(openai.Config{
		BaseURL: "https://sagemaker.invalid", Model: c.Model, HTTP: &http.Client{Transport: t},
	})}, nil
}

// Stream makes one call.
func (c *Client) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return c.inner.Stream(ctx, req)
}

// transport carries an HTTP request as the body of an invocation, and gives the parts of its answer as one body.
type transport struct {
	cfg    Config
	client *sagemakerruntime.Client
}

// RoundTrip invokes the endpoint.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	ctx := req.Context()
	out, err := t.client.InvokeEndpointWithResponseStream(ctx, &sagemakerruntime.InvokeEndpointWithResponseStreamInput{
		EndpointName: &t.cfg.Endpoint, ContentType: aws.String("application/json"), Accept: aws.String("text/event-stream"), Body: body,
	})
	if err != nil {
		return t.failed(req, err)
	}
	stream := out.GetStream()
	r, w := io.Pipe()
	go func() { // ends with the stream, which ends with the answer, with ctx, or when the body is closed
		for e := range stream.Events() {
			if part, ok := e.(*types.ResponseStreamMemberPayloadPart); ok {
				if _, err := w.Write(part.Value.Bytes); err != nil {
					break
				}
			}
		}
		err := stream.Err()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		_ = w.CloseWithError(err) // nil is the end
	}()
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Request: req,
		Body: &streamBody{PipeReader: r, stream: stream},
	}, nil
}

type streamBody struct {
	*io.PipeReader
	stream io.Closer
}

// Close ends the invocation too.
func (b *streamBody) Close() error { return errors.Join(b.PipeReader.Close(), b.stream.Close()) }

// failed gives an answer that is an error as HTTP gives one, so that status and Retry-After are read where all others are.
func (t *transport) failed(req *http.Request, err error) (*http.Response, error) {
	e := model.As(signing.Failure(err, false, t.cfg.Config))
	if e.Status == 0 {
		return nil, e
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", fmt.Sprintf("%.3f", e.RetryAfter.Seconds()))
	}
	text := fmt.Sprintf(`{"error":{"message":%q}}`, e.Error())
	return &http.Response{StatusCode: e.Status, Header: h, Request: req, Body: io.NopCloser(strings.NewReader(text))}, nil
}
