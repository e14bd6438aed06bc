#!/usr/bin/env python3
"""Speaks Qdrant's gRPC and does what is asked with the local mode of Qdrant's own Python client (the package qdrant-client): no server of
Qdrant's comes with a package, and this is the nearest to one that does. It keeps everything in memory; `--api-key` is asked for when given.

    qdrant_local.py PORT [--api-key KEY]
"""

import argparse
import sys
import threading
from concurrent import futures

import grpc
from qdrant_client import QdrantClient, grpc as wire, models
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2_grpc

LOCK = threading.RLock()
STORE = QdrantClient(":memory:")


def there(context, name):
    if not STORE.collection_exists(name):
        context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: Collection `{name}` doesn't exist!")


def done():
    return wire.PointsOperationResponse(result=wire.UpdateResult(status=wire.UpdateStatus.Completed))


class Root(qdrant_pb2_grpc.QdrantServicer):
    def HealthCheck(self, request, context):
        return wire.HealthCheckReply(title="qdrant - local mode", version="0.0.0")


class Collections(collections_service_pb2_grpc.CollectionsServicer):
    def List(self, request, context):
        with LOCK:
            names = [one.name for one in STORE.get_collections().collections]
        return wire.ListCollectionsResponse(collections=[wire.CollectionDescription(name=name) for name in names])

    def CollectionExists(self, request, context):
        with LOCK:
            exists = STORE.collection_exists(request.collection_name)
        return wire.CollectionExistsResponse(result=wire.CollectionExists(exists=exists))

    def Create(self, request, context):
        with LOCK:
            if STORE.collection_exists(request.collection_name):
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Collection `{request.collection_name}` already exists!")
            vectors = GrpcToRest.convert_vectors_config(request.vectors_config)
            STORE.create_collection(request.collection_name, vectors_config=vectors)
        return wire.CollectionOperationResponse(result=True)

    def Delete(self, request, context):
        with LOCK:
            there(context, request.collection_name)
            STORE.delete_collection(request.collection_name)
        return wire.CollectionOperationResponse(result=True)


class Points(points_service_pb2_grpc.PointsServicer):
    def Upsert(self, request, context):
        with LOCK:
            there(context, request.collection_name)
            points = [GrpcToRest.convert_point_struct(point) for point in request.points]
            STORE.upsert(request.collection_name, points)
        return done()

    def Delete(self, request, context):
        with LOCK:
            there(context, request.collection_name)
            STORE.delete(request.collection_name, GrpcToRest.convert_points_selector(request.points))
        return done()

    def SetPayload(self, request, context):
        with LOCK:
            there(context, request.collection_name)
            payload = GrpcToRest.convert_payload(request.payload)
            STORE.set_payload(request.collection_name, payload, GrpcToRest.convert_points_selector(request.points_selector))
        return done()

    def CreateFieldIndex(self, request, context):
        with LOCK:
            there(context, request.collection_name)
        return done()

    def Get(self, request, context):
        with LOCK:
            there(context, request.collection_name)
            found = STORE.retrieve(
                request.collection_name,
                ids=[GrpcToRest.convert_point_id(one) for one in request.ids],
                with_payload=GrpcToRest.convert_with_payload_selector(request.with_payload) if request.HasField("with_payload") else False,
                with_vectors=GrpcToRest.convert_with_vectors_selector(request.with_vectors) if request.HasField("with_vectors") else False,
            )
        for one in found:
            one.payload = one.payload or {}
        return wire.GetResponse(result=[RestToGrpc.convert_retrieved_point(one) for one in found])

    def Count(self, request, context):
        with LOCK:
            there(context, request.collection_name)
            chosen = GrpcToRest.convert_filter(request.filter) if request.HasField("filter") else None
            count = STORE.count(request.collection_name, count_filter=chosen, exact=True).count
        return wire.CountResponse(result=wire.CountResult(count=count))

    def Query(self, request, context):
        with LOCK:
            there(context, request.collection_name)
            asked = GrpcToRest.convert_query_points(request)
            # The client looks through named ids for each point: here they are told apart afterwards.
            among, limit = None, asked.limit
            for condition in list(asked.filter.must or []) if asked.filter else []:
                if isinstance(condition, models.HasIdCondition):
                    among = set(map(str, condition.has_id))
                    asked.filter.must.remove(condition)
                    limit = STORE.count(request.collection_name).count
            found = STORE.query_points(
                request.collection_name,
                query=asked.query,
                query_filter=asked.filter,
                limit=limit,
                with_payload=asked.with_payload,
            ).points
        found = [one for one in found if among is None or str(one.id) in among][: asked.limit]
        return wire.QueryResponse(result=[RestToGrpc.convert_scored_point(one) for one in found])


class Keyed(grpc.ServerInterceptor):
    """Refuses who does not bring the key."""

    def __init__(self, key):
        self.key = key

    def intercept_service(self, continuation, details):
        if self.key and ("api-key", self.key) not in [(one.key, one.value) for one in details.invocation_metadata]:
            def refuse(request, context):
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "Must provide an API key or an Authorization bearer token")

            return grpc.unary_unary_rpc_method_handler(refuse)
        return continuation(details)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("--api-key", default="")
    asked = arguments.parse_args()
    whole = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(8), interceptors=[Keyed(asked.api_key)], options=whole)
    qdrant_pb2_grpc.add_QdrantServicer_to_server(Root(), server)
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(Collections(), server)
    points_service_pb2_grpc.add_PointsServicer_to_server(Points(), server)
    server.add_insecure_port(f"127.0.0.1:{asked.port}")
    server.start()
    print(f"listens on 127.0.0.1:{asked.port}", file=sys.stderr, flush=True)
    server.wait_for_termination()


main()
